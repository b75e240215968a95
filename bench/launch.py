"""Run one command and print its CPU seconds and peak memory as JSON. Imports nothing large.

Linux counts the memory of the process that starts a child into the child's peak; so the starter must be small, and a
benchmark that has loaded NumPy and SciPy starts this script instead of the command.
"""

import json
import os
import sys

if __name__ == "__main__":
    child = os.posix_spawn(
        sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    )
    _, status, used = os.wait4(child, 0)
    print(
        json.dumps(
            {
                "exit": os.waitstatus_to_exitcode(status),
                "cpu": used.ru_utime + used.ru_stime,
                "peak_kib": used.ru_maxrss,
            }
        )
    )
