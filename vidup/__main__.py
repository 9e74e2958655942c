"""Where the process begins, as `vidup` and as `python -m vidup`: before anything else is imported, signals get their plain meaning."""

import signal  # and nothing else: what is imported before the first lines of main() is exposed to Ctrl-C


def main() -> None:
    """Run the command line and exit. Ctrl-C ends it on the spot, without a traceback; but an upload tells of it, however early it comes."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    from vidup.console import early

    early.listen()
    from vidup.cli import main as run

    run()


if __name__ == "__main__":
    main()
