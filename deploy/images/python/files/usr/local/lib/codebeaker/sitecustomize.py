"""Standard output goes out line by line, as it does to a terminal, so that it is streamed while the program runs and what
was printed before a deadline is kept. (PYTHONUNBUFFERED would make several writes of one print.)"""

import sys

if hasattr(sys.stdout, "reconfigure"):
    sys.stdout.reconfigure(line_buffering=True)
