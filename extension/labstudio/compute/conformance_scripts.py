"""What the jobs of the conformance suite run."""

OUTPUTS = """
import pathlib, sys
pathlib.Path("deep/er").mkdir(parents=True)
pathlib.Path("deep/er/metrics.json").write_text("{}")
pathlib.Path("größe ß 数据.txt").write_text("unicode", encoding="utf-8")
pathlib.Path("model.bin").write_bytes(bytes(range(256)) * int(sys.argv[-1]))
"""
INPUTS = """
import pathlib
print(pathlib.Path("in/a.csv").read_text(), pathlib.Path("all/helper.py").exists())
print(oct(pathlib.Path("in/a.csv").stat().st_mode & 0o222))
"""
APART = """
import os, pathlib, sys, time
mine = sys.argv[-1]
pathlib.Path("mine-" + mine).write_text(mine)
time.sleep(1.5)
print(sorted(p.name for p in pathlib.Path(".").glob("mine-*")))
"""
LIVE = """
import time
print("one", flush=True)
try:
    time.sleep(600)
except KeyboardInterrupt:
    print("two", flush=True)
"""
DEAF = """
import signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("ready", flush=True)
time.sleep(600)
"""
TICKS = """
import sys, time
for n in range(int(sys.argv[-1])):
    print("tick", n, flush=True)
    time.sleep(0.1)
"""
SAVES = """
import os, pathlib, signal, sys, time
saved = pathlib.Path(os.environ["LABSTUDIO_CHECKPOINT_DIR"]) / "saved.txt"
if saved.exists():
    sys.exit(print("found", saved.read_text()))
def save(*_):
    time.sleep(1)
    saved.write_text("what was done")
    sys.exit()
signal.signal(signal.SIGTERM, save)
print("ready", flush=True)
time.sleep(600)
"""
