"""The rules of tools/tidy. Each check takes a file (its path below the root, and its text) or the
whole tree, and yields findings: (path, line, sentence)."""

import ast
import re

FILE_LINES_MAX = 600
HEADER_LINES_MAX = 250
FUNCTION_LINES_MAX = 70
LINE_COLUMNS_MAX = 100
SRC_DEPTH_MAX = 3

CPP = (".cc", ".h")
SCRIPTS = (".py", ".ts", ".mjs")
BANNED_FOLDERS = {"utils", "util", "common", "misc", "helpers"}
BANNED_FILES = re.compile(r"(^|_)(manager|helpers?|utils?|impl|common|misc)(_|\.|$)")
BANNED_TYPES = re.compile(
    r"\b(?:class|struct|enum class|enum|union|using)\s+(?:\[\[\w+\]\]\s*)?"
    r"(\w*(?:Manager|Helper|Utils?|Impl|Data|Info))\b(?!::)")
UNREASONED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b(?!\(#\d+\): \S)")
SEAMS = re.compile(
    r"_clock::now\s*\(|\btime\s*\(\s*(?:nullptr|NULL|0|&)|\bgettimeofday\b|\bclock_gettime\b"
    r"|\bs?rand\s*\(|\brandom_device\b|\bmt19937|\bf(?:data)?sync\s*\(|\bftruncate\s*\("
    r"|(?<![\w.>])::(?:open|creat|read|write|pread|pwrite|rename|unlink|send|recv)\s*\("
    r"|(?<![\w.>])(?:::)?(?:socket|accept4|epoll_create1|getrandom)\s*\(|\bsleep_(?:for|until)\b")
SLEEPS = {
    "cpp": re.compile(r"\bsleep_(?:for|until)\s*\(|\bu?sleep\s*\("),
    "py": re.compile(r"\btime\.sleep\s*\("),
}
MACHINE_PATHS = re.compile(r"(?<![\w.$}])/(?:wo" r"rk|ro" r"ot|ho" r"me|t" r"mp)/\w")
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
THIRD_PARTY_IN_HEADERS = {"base": {"xxhash.h"}}
TEST_HEADERS = re.compile(r"gtest/|gmock/|rapidcheck")
# The stamp on a log line is for people; nothing is decided by it.
SEAM_EXEMPT = {"src/base/logging.cc"}
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.MULTILINE)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def blank(match):
    """As many characters, and the same lines, without what they say."""
    return re.sub(r"[^\n]", " ", match.group())


_CPP_NOISE = re.compile(
    r'R"(?P<mark>[^()\s]*)\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\''
    r"|//[^\n]*|/\*.*?\*/", re.DOTALL)


def code_only(text):
    """C++ without comments and the content of literals; places stay where they were."""
    # A digit separator is no quote.
    text = re.sub(r"(?<=\d)'(?=\d)", "_", text)
    return _CPP_NOISE.sub(blank, text)


# --- layers ---------------------------------------------------------------------------------------

def read_layers(text):
    """{folder: set of folders it may include}, itself among them."""
    layers = {}
    for line in text.splitlines():
        folder, colon, below = line.partition(":")
        if colon and not line.startswith("#"):
            layers[folder.strip()] = {folder.strip(), *below.split()}
    return layers


def check_layer_list(layers, path="src/LAYERS"):
    """A folder may name only folders above it in the list, so there is no circle."""
    seen = set()
    for folder, below in layers.items():
        for name in sorted(below - {folder} - seen):
            yield path, 1, f"{folder} names {name}, which does not stand before it"
        seen.add(folder)


def check_includes(path, text, layers):
    parts = path.split("/")
    if parts[0] != "src" or len(parts) < 3 or not path.endswith(CPP):
        return
    folder = parts[1]
    if folder not in layers:
        yield path, 1, f"folder {folder} is not in src/LAYERS"
        return
    for match in INCLUDE.finditer(text):
        kind, name = match.groups()
        line = line_of(text, match.start(1))
        if kind == '"' and name.split("/")[0] not in layers:
            yield path, line, f'"{name}" does not start with a folder of src/LAYERS'
        elif kind == '"' and name.split("/")[0] not in layers[folder]:
            yield path, line, f"{folder} may not include {name.split('/')[0]} (src/LAYERS)"
        elif kind == "<" and path.endswith(".h") and not re.fullmatch(r"[a-z_]+\d*", name):
            ours = name in THIRD_PARTY_IN_HEADERS.get(folder, ())
            if not ours and not (is_test(path) and TEST_HEADERS.match(name)):
                yield path, line, f"<{name}> in a header; it belongs into one .cc file"


# --- sizes ----------------------------------------------------------------------------------------

def check_sizes(path, text):
    if not (path.endswith(CPP) or path.endswith(SCRIPTS) or text.startswith("#!")):
        return
    lines = text.splitlines()
    limit = HEADER_LINES_MAX if path.endswith(".h") else FILE_LINES_MAX
    if len(lines) > limit:
        yield path, limit + 1, f"{len(lines)} lines; {limit} is the end"
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_COLUMNS_MAX:
            yield path, number, f"{len(line)} columns; {LINE_COLUMNS_MAX} is the end"
    if path.startswith("src/") and path.count("/") > SRC_DEPTH_MAX:
        yield path, 1, f"folders more than {SRC_DEPTH_MAX} deep in src"
    functions = cpp_functions(text) if path.endswith(CPP) else python_functions(path, text)
    for first, last in functions:
        if last - first + 1 > FUNCTION_LINES_MAX:
            yield path, first, (f"function of {last - first + 1} lines; "
                                f"{FUNCTION_LINES_MAX} is the end")


def cpp_functions(text):
    """(first line, last line) of each outermost function body with its signature.

    Reads braces: the text between the last `;`, `{` or `}` and a `{` says what it opens."""
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, code_only(text), flags=re.MULTILINE)
    open_braces, inside, start = [], None, 0
    for position, char in enumerate(code):
        if char not in "{};":
            continue
        if char == "{":
            head = code[start:position]
            if inside is None and opens_function(head):
                inside = len(open_braces)
                first = start + len(head) - len(head.lstrip())
            open_braces.append(position)
        elif char == "}" and open_braces:
            open_braces.pop()
            if inside == len(open_braces):
                yield line_of(code, first), line_of(code, position)
                inside = None
        start = position + 1


def opens_function(head):
    if re.search(r"\b(namespace|enum)\b", head) or re.search(r"=\s*$", head):
        return False
    return bool(re.search(r"\)[\s\w:&>,<*-]*$|\)\s*:.*$", head, re.DOTALL))


def python_functions(path, text):
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno


# --- names and words ------------------------------------------------------------------------------

def check_names(path, text):
    *folders, name = path.split("/")
    for folder in folders:
        if folder in BANNED_FOLDERS:
            yield path, 1, f"a folder named {folder} says nothing of what is in it"
    if path.endswith(CPP) or path.endswith(SCRIPTS):
        if BANNED_FILES.search(name):
            yield path, 1, f"the name {name} says nothing of what is in it"
    if path.endswith(CPP):
        code = code_only(text)
        for match in BANNED_TYPES.finditer(code):
            yield path, line_of(text, match.start(1)), f"{match.group(1)}: name what it is"


def check_words(path, text):
    for match in UNREASONED.finditer(text):
        yield path, line_of(text, match.start()), f"{match.group(1)} without an issue's number"
    for match in MACHINE_PATHS.finditer(text):
        yield path, line_of(text, match.start()), "a path of somebody's machine"
    for match in UNSEEN.finditer(text):
        yield path, line_of(text, match.start()), f"unseen character U+{ord(match.group()):04X}"


# --- seams and sleeps -----------------------------------------------------------------------------

def is_test(path):
    *folders, name = path.split("/")
    return "tests" in folders or bool(re.search(r"_(test|contract)(_\w+)?\.(cc|h|py)$", name))


def check_seams(path, text):
    """Time, chance, files and sockets are reached through src/io alone, or no simulation can
    stand in for them."""
    if not path.startswith("src/") or path.startswith("src/io/"):
        return
    if is_test(path) or path in SEAM_EXEMPT:
        return
    if path.endswith(CPP):
        code = code_only(text)
        for match in SEAMS.finditer(code):
            yield path, line_of(code, match.start()), f"{match.group().strip()} outside src/io"


def check_sleeps(path, text):
    """A test waits for a condition with a deadline. The wait inside such a loop says `polling`."""
    if not is_test(path) or not path.endswith((*CPP, ".py")):
        return
    kind = "cpp" if path.endswith(CPP) else "py"
    code = code_only(text) if kind == "cpp" else text
    lines = text.splitlines()
    for match in SLEEPS[kind].finditer(code):
        number = line_of(code, match.start())
        if "polling" not in lines[number - 1]:
            yield path, number, "sleeps; wait for a condition with a deadline"


# --- documents ------------------------------------------------------------------------------------

_LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)|^\[[^\]]+\]:\s+(\S+)",
                   re.MULTILINE)


def prose(text):
    """Markdown without code, places kept."""
    text = re.sub(r"^(```|~~~).*?^\1[^\n]*$", blank, text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]+`", blank, text)


def anchors(text):
    """What `#…` can point at in a document."""
    found = set()
    for heading in re.findall(r"^#+\s+(.+?)\s*#*$", re.sub(
            r"^(```|~~~).*?^\1[^\n]*$", blank, text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower())
        found.add(slug.replace(" ", "-"))
    return found | set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text))


def check_links(root, path, text):
    if not path.endswith(".md"):
        return
    plain = prose(text)
    for match in _LINK.finditer(plain):
        target = match.group(1) or match.group(2)
        line = line_of(plain, match.start())
        if re.match(r"[a-z][a-z+.-]*:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (root / path).parent / name if name else root / path
        if not file.exists():
            yield path, line, f"link to {target}, which is not there"
        elif anchor and file.suffix == ".md" and anchor not in anchors(file.read_text()):
            yield path, line, f"link to {target}, which has no such heading"
