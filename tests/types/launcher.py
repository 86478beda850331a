"""Runs pipelines and measures their memory."""

import subprocess
import sys

#: Runs the pipeline in each folder of its input, and prints the exit code and the largest resident memory in KiB. This is a process of
#: its own, because a child starts with the memory of its parent, and the others have loaded pyarrow.
PROGRAM = """
import os, sys
for folder in sys.stdin:
    child = os.fork()
    if child == 0:
        os.chdir(folder.rstrip("\\n"))
        messages = os.open("messages", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(messages, 1), os.dup2(messages, 2)
        os.execvp("timeout", ["timeout", "-s", "INT", *sys.argv[1:], "run", "pipeline.toml", "--restart", "--progress", "none", "-t", "2"])
    _, status, usage = os.wait4(child, 0)
    print(os.waitstatus_to_exitcode(status), usage.ru_maxrss, flush=True)
"""


class Launcher:
    """Runs the pipelines of folders, one after the other, each for at most `seconds`."""

    def __init__(self, stillbox, seconds=60):
        arguments = [sys.executable, "-S", "-c", PROGRAM, str(seconds), stillbox]
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def run(self, folder):
        """Returns the exit code, 124 if it was stopped, the messages, and the largest resident memory in MiB."""
        self.process.stdin.write(f"{folder}\n")
        self.process.stdin.flush()
        code, memory = self.process.stdout.readline().split()
        return int(code), (folder / "messages").read_text(errors="replace"), int(memory) / 1024
