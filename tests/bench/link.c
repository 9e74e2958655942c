/* A long line between two network namespaces: link NAMESPACE_A NAMESPACE_B RTT_SECONDS BYTES_PER_SECOND LOSS
 *
 * Opens a TUN device vb0 in each, prints "ready", and carries packets until standard input ends. From A to B: rate, a drop-tail queue of
 * one bandwidth-delay product, and random loss of LOSS (0.001 is 0.1 %); both ways half the round trip. TCP at the ends is the kernel's.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 32768, MTU = 1500, TICK = 300000 /* ns: packets are moved in small batches, which saves most wake-ups */ };

struct lane { int from, to; double rate, delay, queue, loss, busy_until; unsigned first, last; struct { double due; int size; char data[MTU]; } *slot; };

static long dropped;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static int open_tun(const char *name) {
    char path[200];
    struct ifreq wish = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    snprintf(path, sizeof path, "/run/netns/%s", name);
    int space = open(path, O_RDONLY), tun;
    if (space < 0 || setns(space, CLONE_NEWNET) || (tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK)) < 0) return -1;
    strcpy(wish.ifr_name, "vb0");
    return ioctl(tun, TUNSETIFF, &wish) ? -1 : tun;
}

static void take_in(struct lane *lane) {
    char data[MTU];
    ssize_t n;
    while ((n = read(lane->from, data, sizeof data)) > 0) {
        double t = now(), begins = lane->busy_until > t ? lane->busy_until : t;
        if (lane->last - lane->first == SLOTS || (lane->rate > 0 && (begins - t) * lane->rate > lane->queue)) continue;
        lane->busy_until = lane->rate > 0 ? begins + n / lane->rate : t;
        if (lane->loss > 0 && drand48() < lane->loss) continue;
        unsigned at = lane->last++ % SLOTS;
        lane->slot[at].due = lane->busy_until + lane->delay, lane->slot[at].size = (int)n;
        memcpy(lane->slot[at].data, data, (size_t)n);
    }
}

/* Deliver what is due. */
static void let_out(struct lane *lane) {
    for (double t = now(); lane->first != lane->last; lane->first++) {
        unsigned at = lane->first % SLOTS;
        if (lane->slot[at].due > t) return;
        if (write(lane->to, lane->slot[at].data, (size_t)lane->slot[at].size) < 0) dropped++; /* a full device drops, as a line does */
    }
}

int main(int count, char **words) {
    if (count != 6) return 2;
    int a = open_tun(words[1]), b = open_tun(words[2]);
    if (a < 0 || b < 0) return 3;
    double rtt = atof(words[3]), rate = atof(words[4]);
    struct lane up = {.from = a, .to = b, .rate = rate, .delay = rtt / 2, .queue = rate * rtt, .loss = atof(words[5])};
    struct lane down = {.from = b, .to = a, .delay = rtt / 2};
    up.slot = malloc(SLOTS * sizeof *up.slot), down.slot = malloc(SLOTS * sizeof *down.slot);
    struct pollfd end = {.fd = 0, .events = POLLIN};
    struct timespec often = {0, TICK};
    srand48(1);
    /* A line does not wait for a processor: packets held up by the programs at its ends would look like a queue, or be lost. */
    if (sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 10})) perror("link: without real time");
    puts("ready"), fflush(stdout);
    while (ppoll(&end, 1, &often, NULL) == 0) {
        let_out(&up), let_out(&down);
        take_in(&up), take_in(&down);
    }
    return 0;
}
