"""Modules that a component lacks, and what a step uses instead."""

from __future__ import annotations

import sys

# The modules of Python that need the system, or a library in C that a component does not contain.
_NO_LIBRARIES = "use a package in pure Python, or write the step in Rust"
_NO_COMPRESSION = "of the modules for compression, a component has `zlib`, `gzip` and `zipfile`"
_NO_TERMINAL = "a step has neither a terminal nor a screen: use `print` or `logging`, which write to the log of the run"
_NO_SYSTEM = "a step sees nothing of the system that it runs on"
_NO_FILES = "a step has no files: use the rows and parameters that it gets"
_NO_WINDOWS = "it is a module for Windows"
_NO_DATABASE = "use `sqlite3` with a database in memory, or a dictionary"
PARALLEL = "a step has no threads and no processes: Stillbox runs several batches at once instead"
NETWORK = "a step has no sockets: send requests with `stillbox_sdk.http`, and grant them with `[[step.allow.http]]`"
_LOG = "use `logging`, which writes to the log of the run"

_LACKING = {
    "_bz2": _NO_COMPRESSION,
    "_ctypes": _NO_LIBRARIES,
    "_curses": _NO_TERMINAL,
    "_dbm": _NO_DATABASE,
    "_gdbm": _NO_DATABASE,
    "_lzma": _NO_COMPRESSION,
    "_multiprocessing": PARALLEL,
    "_posixshmem": PARALLEL,
    "_posixsubprocess": PARALLEL,
    "_ssl": NETWORK,
    "_tkinter": _NO_TERMINAL,
    "_zstd": _NO_COMPRESSION,
    "bz2": _NO_COMPRESSION,
    "compression.bz2": _NO_COMPRESSION,
    "compression.lzma": _NO_COMPRESSION,
    "compression.zstd": _NO_COMPRESSION,
    "ctypes": _NO_LIBRARIES,
    "curses": _NO_TERMINAL,
    "dbm.gnu": _NO_DATABASE,
    "dbm.ndbm": _NO_DATABASE,
    "fcntl": _NO_FILES,
    "grp": _NO_SYSTEM,
    "lzma": _NO_COMPRESSION,
    "mmap": _NO_FILES,
    "msvcrt": _NO_WINDOWS,
    "multiprocessing.shared_memory": PARALLEL,
    "nt": _NO_WINDOWS,
    "pty": _NO_TERMINAL,
    "pwd": _NO_SYSTEM,
    "readline": _NO_TERMINAL,
    "resource": "the pipeline file has the limits of a step",
    "ssl": NETWORK,
    "syslog": _LOG,
    "termios": _NO_TERMINAL,
    "tkinter": _NO_TERMINAL,
    "tty": _NO_TERMINAL,
    "turtle": _NO_TERMINAL,
    "winreg": _NO_WINDOWS,
    "winsound": _NO_WINDOWS,
}

# Modules of the Python of a component that older versions, with which a step is built, do not have.
ADDED = {"annotationlib", "compression"}

# Modules of older versions, with what replaces them.
_REMOVED = {
    "aifc": "",
    "asynchat": "use `asyncio`",
    "asyncore": "use `asyncio`",
    "audioop": "",
    "cgi": "use `urllib.parse` or `email`",
    "cgitb": "use `traceback`",
    "chunk": "",
    "crypt": "use `hashlib`",
    "distutils": "",
    "imghdr": "compare the first bytes of the data",
    "imp": "use `importlib`",
    "lib2to3": "",
    "mailcap": "",
    "msilib": "",
    "nis": "",
    "nntplib": "",
    "ossaudiodev": "",
    "pipes": "use `shlex`",
    "sndhdr": "compare the first bytes of the data",
    "spwd": "",
    "sunau": "",
    "telnetlib": "",
    "uu": "use `binascii`",
    "xdrlib": "use `struct`",
}

# Distributions with compiled code, and what to use instead.
INSTEAD = {
    "lxml": "bs4 with the parser `html.parser`, or xml.etree",
    "numpy": "lists and the module `array`; a column of vectors is a list of floats",
    "onnxruntime": "a model that the step asks",
    "orjson": "the module `json`",
    "pandas": "the columns of a batch, which are lists",
    "pillow": "a step in Rust with the crate `image`",
    "polars": "the columns of a batch, which are lists",
    "pyarrow": "the columns of a batch, which are lists",
    "pydantic": "dataclasses, which also define columns and parameters",
    "pydantic-core": "dataclasses, which also define columns and parameters",
    "regex": "the module `re`",
    "scikit-learn": "a step in Rust, or a model that the step asks",
    "scipy": "the modules `math` and `statistics`, or a step in Rust",
    "spacy": "a step in Rust, or a model that the step asks",
    "tiktoken": "a step in Rust with the crate `tiktoken-rs`",
    "tokenizers": "a step in Rust with the crate `tokenizers`",
    "torch": "a model that the step asks",
    "transformers": "a model that the step asks",
}

# Distributions that are not named like their modules.
_DISTRIBUTIONS = {
    "PIL": "pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}


def lacking_hint(module: str) -> str | None:
    """Returns the hint for a module of Python that a component lacks, such as `ctypes` or `compression.zstd`, or `None`."""
    top = module.partition(".")[0]
    for name in (module, top):
        if name in _LACKING:
            return f"a component has no module `{name}`: {_LACKING[name]}"
    if top in _REMOVED:
        instead = _REMOVED[top]
        return f"the Python of a component has no module `{top}` any more" + (f": {instead}" if instead else "")
    return None


def missing_hint(module: str) -> str | None:
    """Returns the hint for a module that does not exist when a step is built, or `None`."""
    lacking = lacking_hint(module)
    # The package of a module was found before.
    if lacking is not None or "." in module:
        return lacking
    if module in sys.stdlib_module_names:
        return f"a component has no module `{module}`"
    distribution = _DISTRIBUTIONS.get(module, module.replace("_", "-"))
    if distribution in INSTEAD:
        return f"{distribution} does not work in a component, because of compiled code: use {INSTEAD[distribution]}"
    package = f"a package is added to `dependencies` in pyproject.toml, as `{distribution}`, and to your environment if you use one of your own"
    return f"a module of the step is a file `{module}.py` next to its main module; {package}"
