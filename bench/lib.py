"""What the benchmarks share: building, a home of their own, the server's API, figures, and the results file."""

import argparse
import contextlib
import fcntl
import http.client
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
SMACK = TARGET / "release" / "smack"
RESULTS = ROOT / "bench" / "RESULTS.md"
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")


def arguments(doc, repeats=5):
    """A parser with what every benchmark takes."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=repeats, metavar="N", help=f"default: {repeats}")
    parser.add_argument("--write", action="store_true", help="write the figures into bench/RESULTS.md")
    parser.add_argument("--no-build", action="store_true", help="take what is built already")
    return parser


def build(options, *what):
    """Builds with cargo; `what` is its arguments after `build --release`."""
    if not options.no_build:
        say("building …")
        subprocess.run(["cargo", "build", "--release", "--quiet", *what], cwd=ROOT, check=True)


def say(text):
    print(text, flush=True)


def load():
    return os.getloadavg()[0]


def machine():
    """One line: what the figures were measured on."""
    text = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*:\s*(.*)", text)
    kib = int(re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text()).group(1))
    name = model.group(1).strip() if model else platform.machine()
    return f"{os.cpu_count()} x {name}, {kib / 1024 / 1024:.0f} GiB, Linux {platform.release()}"


# --- figures

def spread(values, digits=2):
    """`median (lowest to highest)`."""
    low, high = min(values), max(values)
    return f"{statistics.median(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def verdict(value, limit, higher=False):
    good = value >= limit if higher else value <= limit
    return "met" if good else "MISSED"


def table(rows):
    """Markdown; the first row is the head."""
    head, *rest = [[str(cell) for cell in row] for row in rows]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rest])


class Report:
    """What a benchmark found: printed, and written into the results if asked."""

    def __init__(self, section, options):
        self.section, self.options, self.parts = section, options, []
        self.load_first = load()

    def add(self, text):
        self.parts.append(text)
        say("\n" + text)

    def end(self):
        loads = f"load average {self.load_first:.1f} before, {load():.1f} after"
        foot = f"Latest figures on {machine()}; {loads}. Run again: `{self.command()}`."
        say("\n" + foot)
        if self.options.write:
            write_section(self.section, "\n\n".join([*self.parts, foot]))
            say(f"written to {RESULTS.relative_to(ROOT)}")

    def command(self):
        kept = [word for word in sys.argv[1:] if word not in ("--write", "--no-build")]
        return " ".join([f"bench/{pathlib.Path(sys.argv[0]).name}", *kept])


def write_section(title, body):
    """Puts `body` below `## title`, in the place of what stood there."""
    head = "# Figures against peers\n\nWritten by the scripts beside this file, a section each. `--write` renews one.\n"
    text = RESULTS.read_text() if RESULTS.exists() else head
    parts = re.split(r"(?m)^(?=## )", text)
    section = f"## {title}\n\n{body.strip()}\n"
    kept = [part.rstrip() + "\n" for part in parts[1:] if part.splitlines()[0] != f"## {title}"]
    ordered = sorted([*kept, section], key=lambda part: part.splitlines()[0])
    RESULTS.write_text("\n".join([parts[0].rstrip() + "\n", *ordered]))


# --- processes

def read_stat(pid):
    """The fields of /proc/<pid>/stat after the name, or None."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None


def is_alive(pid):
    stat = read_stat(pid)
    return stat is not None and stat[0] not in "ZX"


def cpu_seconds(pid):
    stat = read_stat(pid)
    return (int(stat[11]) + int(stat[12])) / TICKS if stat else 0.0


def memory_kib(pid, field="Pss"):
    """Pss or Rss of /proc/<pid>/smaps_rollup."""
    try:
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    found = re.search(rf"(?m)^{field}:\s*(\d+)", text)
    return int(found.group(1)) if found else 0


def command_line(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]
    except OSError:
        return []


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def running_below(directory):
    """The processes whose program lies below `directory`."""
    found = []
    for pid in pids():
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{pid}/exe").startswith(str(directory) + "/"):
                found.append(pid)
    return found


def end(process, grace=30.0):
    """Ends one process that we started, and waits for it."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


# --- smack

class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=60):
        super().__init__("localhost", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Home:
    """A home of smack that keeps its artifacts and start archives between the benchmarks and nothing else."""

    KEPT = ("artifacts", "cds")

    def __init__(self, name="home"):
        self.path = TARGET / "bench" / name
        self.path.mkdir(parents=True, exist_ok=True)
        self.connection = None

    def smack(self, *words, check=True, **more):
        environment = {key: value for key, value in os.environ.items() if not key.startswith("SMACK_")}
        environment["SMACK_HOME"] = str(self.path)
        result = subprocess.run([str(SMACK), *words], env=environment, cwd=ROOT, text=True, capture_output=True, **more)
        if check and result.returncode != 0:
            sys.exit(f"smack {' '.join(words)}: exit code {result.returncode}\n{result.stdout}{result.stderr}")
        return result

    def call(self, method, path, body=None):
        """One request over the server's socket: the status and the answer."""
        if self.connection is None:
            self.connection = UnixConnection(self.path / "api.sock")
        text = None if body is None else json.dumps(body)
        self.connection.request(method, path, text, {"content-type": "application/json"})
        response = self.connection.getresponse()
        answer = response.read()
        return response.status, json.loads(answer) if answer else None

    def disconnect(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def server_pid(self):
        return self.call("GET", "/v1/server")[1]["pid"]

    def is_up(self):
        with contextlib.suppress(OSError):
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(self.path / "api.sock"))
                return True
        return False

    def close(self):
        """Ends every VDC, then the server."""
        self.disconnect()
        if not self.is_up():
            return
        for vdc in self.call("GET", "/v1/vdcs")[1] or []:
            self.smack("down", vdc["vdc"], check=False)
        self.disconnect()
        self.smack("server", "--stop", check=False)

    def wipe(self, keep=KEPT):
        """As new, but for what is kept."""
        self.close()
        for path in self.path.iterdir():
            if path.name not in keep:
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()

    def archives(self):
        return sorted((self.path / "cds").glob("*.jsa"))

    def await_archives(self, wanted, within=240.0):
        """Waits until the start archives are recorded, which the server does by itself once all is calm."""
        until = time.monotonic() + within
        while time.monotonic() < until:
            recording = self.path / "rehearsal"
            if len(self.archives()) >= wanted and not (recording.is_dir() and any(recording.iterdir())):
                return True
            time.sleep(0.5)
        return False


@contextlib.contextmanager
def home(name="home"):
    """A wiped home, and nothing of it left running afterwards."""
    made = Home(name)
    with open(TARGET / "bench" / f"{name}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"another benchmark uses {made.path}")
        made.wipe()
        try:
            yield made
        finally:
            made.wipe()


@contextlib.contextmanager
def scratch():
    with tempfile.TemporaryDirectory(prefix="smack-bench-") as directory:
        yield pathlib.Path(directory)


def python_tools(directory, *packages):
    """A virtual environment with these packages: the directory of its programs, or None with the reason told."""
    place = pathlib.Path(directory) / "venv"
    try:
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True, capture_output=True)
        pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *packages], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        detail = getattr(error, "stderr", "") or error
        say(f"without {', '.join(packages)}: {str(detail).strip()[-300:]}")
        return None
    return place / "bin"
