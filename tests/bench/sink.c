/* An api.video that forgets: takes uploads as fast as one machine can, counts everything, and can be slow in several ways.
 *
 * sink HOST [CERTIFICATE KEY]   prints {"port":N}, then obeys lines on standard input until it ends:
 *   reset CRC RATE TOTAL DELAY STALL   forget what was counted. CRC 1: checksum every part; RATE bytes/s of one connection; TOTAL
 *                                      bytes/s of all together; DELAY seconds before each answer; STALL: after so many payload
 *                                      bytes a connection takes no more. 0 is off.
 *   stats                              one JSON object, as tests/bench/sink.py prints it.
 * One thread a connection. Without CRC, plain bodies are thrown away inside the kernel (MSG_TRUNC), so that the sink is cheap.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#ifdef TLS
#include <openssl/ssl.h>
static SSL_CTX *context;
#else
typedef void SSL;
#endif

enum { BLOCK = 256 * 1024, HEAD = 16 * 1024, PARTS = 10000, WINDOW = 64 * 1024 };

struct connection { int socket; SSL *tls; char *block; size_t start, end; double due; long long taken; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct { int crc; double rate, total, delay; long long stall; } how;
static volatile unsigned epoch;
static double total_due;
static int open_now, most_open, connections, requests, logins, creates, statuses, parts, expects, part_total;
static long long payload;
static uint32_t crcs;
static struct { int stored; long long length; uint32_t crc; } received[PARTS + 1];
static uint32_t table[8][256];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void sleep_for(double seconds) {
    if (seconds > 0) usleep((useconds_t)(seconds * 1e6));
}

static void make_table(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++) c = c & 1 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
        table[0][i] = c;
    }
    for (int k = 1; k < 8; k++)
        for (int i = 0; i < 256; i++) table[k][i] = table[0][table[k - 1][i] & 255] ^ (table[k - 1][i] >> 8);
}

static uint32_t crc32_of(uint32_t crc, const unsigned char *p, size_t n) {
    crc = ~crc;
    for (; n >= 8; n -= 8, p += 8) {
        uint32_t low, high;
        memcpy(&low, p, 4);
        memcpy(&high, p + 4, 4);
        low ^= crc;
        crc = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^ table[4][low >> 24]
            ^ table[3][high & 255] ^ table[2][high >> 8 & 255] ^ table[1][high >> 16 & 255] ^ table[0][high >> 24];
    }
    while (n--) crc = table[0][(crc ^ *p++) & 255] ^ (crc >> 8);
    return ~crc;
}

static ssize_t take(struct connection *c, char *space, size_t n, int flags) {
#ifdef TLS
    if (c->tls) return SSL_read(c->tls, space, (int)n);
#endif
    return recv(c->socket, space, n, flags);
}

static int put(struct connection *c, const char *text) {
    size_t n = strlen(text);
#ifdef TLS
    if (c->tls) return SSL_write(c->tls, text, (int)n) == (int)n;
#endif
    return send(c->socket, text, n, MSG_NOSIGNAL) == (ssize_t)n;
}

/* Wait until n more bytes are allowed; a little is forgiven, so that a late wake-up costs no speed. */
static void pace(double *due, double rate, ssize_t n) {
    double t = now();
    if (*due < t - 0.05) *due = t - 0.05;
    *due += n / rate;
}

static void throttle(struct connection *c, ssize_t n) {
    double wait = 0;
    if (how.rate > 0) {
        pace(&c->due, how.rate, n);
        wait = c->due - now();
    }
    if (how.total > 0) {
        pthread_mutex_lock(&lock);
        pace(&total_due, how.total, n);
        if (total_due - now() > wait) wait = total_due - now();
        pthread_mutex_unlock(&lock);
    }
    sleep_for(wait);
    c->taken += n;
    for (unsigned then = epoch; how.stall > 0 && c->taken >= how.stall && then == epoch;) sleep_for(0.02);
}

/* Take in `left` bytes of body; all but the last `tail` of them are payload. Returns 0 when the line breaks. */
static int swallow(struct connection *c, long long left, long long tail, uint32_t *crc) {
    size_t limit = BLOCK;
    double slow = how.rate > 0 ? how.rate : how.total;
    if (slow > 0 && slow / 50 < limit) limit = slow / 50 < 1024 ? 1024 : (size_t)(slow / 50);
    while (left > 0) {
        ssize_t n = (ssize_t)(c->end - c->start);
        const char *at = c->block + c->start;
        if (n > 0) {
            if (n > left) n = (ssize_t)left;
            c->start += (size_t)n;
        } else {
            c->start = c->end = 0;
            at = c->block;
            n = take(c, c->block, left < (long long)limit ? (size_t)left : limit, crc ? 0 : MSG_TRUNC);
            if (n <= 0) return 0;
        }
        if (crc && left > tail) *crc = crc32_of(*crc, (const unsigned char *)at, (size_t)(left - tail < n ? left - tail : n));
        left -= n;
        if (how.rate > 0 || how.total > 0 || how.stall > 0) throttle(c, n);
    }
    return 1;
}

/* Have a blank line in the buffer; returns the length up to and with it, or 0. */
static size_t fill_to_blank_line(struct connection *c) {
    for (;;) {
        char *found = memmem(c->block + c->start, c->end - c->start, "\r\n\r\n", 4);
        if (found) return (size_t)(found - c->block) - c->start + 4;
        if (c->end - c->start > HEAD) return 0;
        memmove(c->block, c->block + c->start, c->end - c->start);
        c->end -= c->start, c->start = 0;
        ssize_t n = take(c, c->block + c->end, HEAD, 0);
        if (n <= 0) return 0;
        c->end += (size_t)n;
    }
}

static int take_part(struct connection *c, const char *head, long long length) {
    int number = 1, total = 1;
    const char *range = strcasestr(head, "\r\ncontent-range: part ");
    if (range) sscanf(range + 22, "%d/%d", &number, &total);
    size_t form = fill_to_blank_line(c);
    char *line = form ? memmem(c->block + c->start, form, "\r\n", 2) : NULL;
    if (!line || number < 1 || number > PARTS) return 0;
    long long tail = line - (c->block + c->start) + 6; /* CR LF, the first line again, two dashes, CR LF */
    c->start += form;
    uint32_t crc = 0;
    long long part = length - (long long)form - tail;
    if (!swallow(c, length - (long long)form, tail, how.crc ? &crc : NULL)) return 0;
    pthread_mutex_lock(&lock);
    parts++, payload += part, part_total = total;
    if (how.crc) crcs += crc;
    received[number].stored++, received[number].length = part, received[number].crc = crc;
    pthread_mutex_unlock(&lock);
    return 1;
}

static void status_body(char *text) {
    int count = 0;
    char *at = text + sprintf(text, "{\"ingest\":{\"receivedParts\":{\"parts\":[");
    for (int i = 1; i <= PARTS; i++)
        if (received[i].stored) at += sprintf(at, count++ ? ",%d" : "%d", i);
    sprintf(at, "],\"total\":%d},\"status\":\"%s\"}}", part_total, count && count == part_total ? "uploaded" : "uploading");
}

static int answer_one(struct connection *c, char *text) {
    char head[HEAD * 2 + 4], *body = text + 200;
    size_t n = fill_to_blank_line(c);
    if (!n) return 0;
    memcpy(head, c->block + c->start, n);
    head[n] = 0;
    c->start += n;
    const char *declared = strcasestr(head, "\r\ncontent-length:");
    long long length = declared ? atoll(declared + 17) : 0;
    int expects_it = strcasestr(head, "\r\nexpect:") != NULL, code = 200;
    pthread_mutex_lock(&lock);
    requests++, expects += expects_it;
    pthread_mutex_unlock(&lock);
    if (expects_it && !put(c, "HTTP/1.1 100 Continue\r\n\r\n")) return 0;
    char *path = strchr(head, ' ') + 1;
    path[strcspn(path, " ")] = 0;
    if (strstr(path, "/source")) {
        path[strlen(path)] = ' ';
        if (!take_part(c, head, length)) return 0;
        code = 201, strcpy(body, "{\"videoId\":\"viBench\",\"title\":\"bench\",\"public\":true,\"assets\":{}}");
    } else if (!swallow(c, length, length, NULL)) {
        return 0;
    } else if (strstr(path, "/auth/")) {
        logins++, strcpy(body, "{\"token_type\":\"Bearer\",\"expires_in\":3600,\"access_token\":\"bench-access\",\"refresh_token\":\"bench-refresh\"}");
    } else if (strstr(path, "/status")) {
        statuses++, status_body(body);
    } else {
        creates++, code = 201, strcpy(body, "{\"videoId\":\"viBench\",\"title\":\"bench\",\"public\":true,\"assets\":{}}");
    }
    sleep_for(how.delay);
    char start[200];
    int m = sprintf(start, "HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", code, strlen(body));
    memcpy(body - m, start, (size_t)m);
    return put(c, body - m);
}

static void *serve(void *given) {
    struct connection c = {.socket = (int)(intptr_t)given, .block = malloc(BLOCK + HEAD)};
    char *text = malloc(200 + 8 * PARTS);
    int one = 1, window = WINDOW, fine = 1;
    setsockopt(c.socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (how.rate > 0 || how.total > 0 || how.stall > 0) setsockopt(c.socket, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
#ifdef TLS
    if (context) {
        c.tls = SSL_new(context);
        SSL_set_fd(c.tls, c.socket);
        fine = SSL_accept(c.tls) == 1;
    }
#endif
    while (fine) fine = answer_one(&c, text);
#ifdef TLS
    SSL_free(c.tls);
#endif
    close(c.socket);
    free(c.block), free(text);
    __atomic_sub_fetch(&open_now, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void *welcome(void *given) {
    int listener = (int)(intptr_t)given, socket;
    while ((socket = accept(listener, NULL, NULL)) >= 0) {
        pthread_t thread;
        pthread_mutex_lock(&lock);
        connections++;
        if (__atomic_add_fetch(&open_now, 1, __ATOMIC_SEQ_CST) > most_open) most_open = open_now;
        pthread_mutex_unlock(&lock);
        pthread_create(&thread, NULL, serve, (void *)(intptr_t)socket);
        pthread_detach(thread);
    }
    return NULL;
}

static void reset(const char *words) {
    pthread_mutex_lock(&lock);
    sscanf(words, "%d %lf %lf %lf %lld", &how.crc, &how.rate, &how.total, &how.delay, &how.stall);
    connections = requests = logins = creates = statuses = parts = expects = part_total = 0;
    payload = 0, crcs = 0, total_due = 0, most_open = open_now, epoch++;
    memset(received, 0, sizeof received);
    pthread_mutex_unlock(&lock);
    puts("{}");
}

static void print_stats(void) {
    pthread_mutex_lock(&lock);
    printf("{\"connections\":%d,\"most_open\":%d,\"requests\":%d,\"logins\":%d,\"creates\":%d,\"statuses\":%d,\"parts\":%d,\"expects\":%d,"
           "\"payload\":%lld,\"crcs\":%u,\"received\":[", connections, most_open, requests, logins, creates, statuses, parts, expects, payload, crcs);
    for (int i = 1, any = 0; i <= PARTS; i++)
        if (received[i].stored) printf("%s[%d,%lld,%u]", any++ ? "," : "", i, received[i].length, received[i].crc);
    puts("]}");
    pthread_mutex_unlock(&lock);
}

int main(int count, char **words) {
    struct sockaddr_in place = {.sin_family = AF_INET};
    socklen_t size = sizeof place;
    char line[200];
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    pthread_t thread;
    signal(SIGPIPE, SIG_IGN);
    make_table();
    if (count != 2 && count != 4) return 2;
#ifdef TLS
    if (count == 4) {
        context = SSL_CTX_new(TLS_server_method());
        if (SSL_CTX_use_certificate_chain_file(context, words[2]) != 1 || SSL_CTX_use_PrivateKey_file(context, words[3], SSL_FILETYPE_PEM) != 1) return 3;
    }
#endif
    inet_pton(AF_INET, words[1], &place.sin_addr);
    if (bind(listener, (struct sockaddr *)&place, size) || listen(listener, 128)) return 4;
    getsockname(listener, (struct sockaddr *)&place, &size);
    setvbuf(stdout, NULL, _IOLBF, 1 << 20);
    printf("{\"port\":%d}\n", ntohs(place.sin_port));
    pthread_create(&thread, NULL, welcome, (void *)(intptr_t)listener);
    while (fgets(line, sizeof line, stdin)) {
        if (!strncmp(line, "reset ", 6)) reset(line + 6);
        else if (!strncmp(line, "stats", 5)) print_stats();
    }
    return 0;
}
