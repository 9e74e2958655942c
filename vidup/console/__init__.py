"""What people type and read besides progress: options, settings, keys, help, answers, sessions, signals, crashes. The only room that
knows the user; what an upload does is decided in `upload`, and how it is drawn in `progress`."""
