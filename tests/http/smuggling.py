"""Row 14: bytes that two programs could take for different requests. Each case says how many
answers there are, and with which statuses. One that is refused has a single one, and the connection
closes, so that nothing which stands behind it is ever taken for a request."""

from gateway import Gateway, exchange

HOST = b"Host: localhost\r\n"
JSON = b"Content-Type: application/json\r\n"
INNER = b"GET /v1/ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def post(fields, body=b"", version=b"1.1", host=HOST):
    return b"POST /v1/compact HTTP/" + version + b"\r\n" + host + JSON + fields + b"\r\n" + body


def get(line=b"GET /v1/ping HTTP/1.1\r\n", fields=HOST):
    return line + fields + b"\r\n"


def chunks(body):
    return post(b"Transfer-Encoding: chunked\r\n", body)


ONE = b"2\r\n{}\r\n0\r\n\r\n"
TE = b"Transfer-Encoding: chunked\r\n"

# What is refused: the name, the bytes, the status. INNER is sent behind each.
REFUSED = [
    # Where a body ends, said twice.
    ("a length and chunks", post(b"Content-Length: 5\r\n" + TE, b"0\r\n\r\n"), 400),
    ("chunks and a length", post(TE + b"Content-Length: 5\r\n", b"0\r\n\r\n"), 400),
    ("a length of zero and chunks", post(b"Content-Length: 0\r\n" + TE, ONE), 400),
    ("the same length twice", post(b"Content-Length: 2\r\nContent-Length: 2\r\n", b"{}"), 400),
    ("two lengths", post(b"Content-Length: 2\r\nContent-Length: 0\r\n", b"{}"), 400),
    ("a list of lengths", post(b"Content-Length: 2, 2\r\n", b"{}"), 400),
    ("a list of two lengths", post(b"Content-Length: 2,0\r\n", b"{}"), 400),
    ("a negative length", post(b"Content-Length: -2\r\n", b"{}"), 400),
    ("a signed length", post(b"Content-Length: +2\r\n", b"{}"), 400),
    ("a hexadecimal length", post(b"Content-Length: 0x2\r\n", b"{}"), 400),
    ("a length with an exponent", post(b"Content-Length: 2e0\r\n", b"{}"), 400),
    ("a length with a fraction", post(b"Content-Length: 2.0\r\n", b"{}"), 400),
    ("a length with a space inside", post(b"Content-Length: 2 0\r\n", b"{}"), 400),
    ("an empty length", post(b"Content-Length:\r\n", b""), 400),
    ("a length above 2^64", post(b"Content-Length: 18446744073709551618\r\n", b"{}"), 400),
    ("a length that is a word", post(b"Content-Length: two\r\n", b"{}"), 400),
    ("an octal look", post(b"Content-Length: \xd9\xa2\r\n", b"{}"), 400),
    # Codings that are not ours, or are written so that some would miss them.
    ("chunked twice", post(b"Transfer-Encoding: chunked, chunked\r\n", ONE), 501),
    ("chunked in two fields", post(TE + TE, ONE), 400),
    ("identity", post(b"Transfer-Encoding: identity\r\n", b""), 501),
    ("gzip before chunked", post(b"Transfer-Encoding: gzip, chunked\r\n", ONE), 501),
    ("chunked before gzip", post(b"Transfer-Encoding: chunked, gzip\r\n", ONE), 501),
    ("chunked in quotes", post(b'Transfer-Encoding: "chunked"\r\n', ONE), 501),
    ("chunked and a letter", post(b"Transfer-Encoding: xchunked\r\n", ONE), 501),
    ("chunked with a parameter", post(b"Transfer-Encoding: chunked;q=1\r\n", ONE), 501),
    ("a vertical tab before chunked", post(b"Transfer-Encoding: \x0bchunked\r\n", ONE), 400),
    ("chunked of another letter", post(b"Transfer-Encoding: chun\xe2\x84\xaaed\r\n", ONE), 501),
    ("an empty coding", post(b"Transfer-Encoding:\r\n", b""), 501),
    ("a space before the colon", post(b"Transfer-Encoding : chunked\r\n", ONE), 400),
    ("a tab before the colon", post(b"Transfer-Encoding\t: chunked\r\n", ONE), 400),
    ("a space before the name", post(b" Transfer-Encoding: chunked\r\n", ONE), 400),
    ("a name in two lines", post(b"Transfer\r\n-Encoding: chunked\r\n", ONE), 400),
    ("a folded coding", post(b"Transfer-Encoding:\r\n chunked\r\n", ONE), 400),
    ("a folded length", post(b"Content-Length:\r\n 2\r\n", b"{}"), 400),
    ("a folded field behind it", post(b"Content-Length: 2\r\nX: y\r\n\tz\r\n", b"{}"), 400),
    ("chunks in HTTP/1.0", post(TE, ONE, version=b"1.0"), 400),
    # Line ends.
    ("lines that end with LF",
     b"POST /v1/compact HTTP/1.1\nHost: localhost\nContent-Length: 2\n\n{}", 400),
    ("one line that ends with LF", post(b"X: y\nContent-Length: 2\r\n", b"{}"), 400),
    ("a line that ends with CR", post(b"X: y\rContent-Length: 2\r\n", b"{}"), 400),
    ("CR CR LF", post(b"X: y\r\r\nContent-Length: 2\r\n", b"{}"), 400),
    ("LF CR", post(b"X: y\n\rContent-Length: 2\r\n", b"{}"), 400),
    ("a zero byte in a name", post(b"Content\0-Length: 2\r\n", b"{}"), 400),
    ("a zero byte in a value", post(b"X: a\0b\r\n"), 400),
    ("a control character in a value", post(b"X: a\x01b\r\n"), 400),
    ("an empty line in front", b"\r\n" + get(), 400),
    ("a field without a colon", post(b"X\r\n"), 400),
    ("a field without a name", post(b": y\r\n"), 400),
    ("a name in brackets", post(b"X(y): z\r\n"), 400),
    # Chunks.
    ("a chunk with an extension", chunks(b"2;a=b\r\n{}\r\n0\r\n\r\n"), 400),
    ("a chunk with an empty extension", chunks(b"2;\r\n{}\r\n0\r\n\r\n"), 400),
    ("an extension with a line end in quotes", chunks(b'2;a="\r\n"\r\n{}\r\n0\r\n\r\n'), 400),
    ("a last chunk with an extension", chunks(b"2\r\n{}\r\n0;a\r\n\r\n"), 400),
    ("a trailer", chunks(b"2\r\n{}\r\n0\r\nX: y\r\n\r\n"), 400),
    ("a trailer that is a length", chunks(b"2\r\n{}\r\n0\r\nContent-Length: 9\r\n\r\n"), 400),
    ("a size that overflows", chunks(b"10000000000000002\r\n{}\r\n0\r\n\r\n"), 400),
    ("a size with many zeros", chunks(b"0" * 40 + b"2\r\n{}\r\n0\r\n\r\n"), 400),
    ("a signed size", chunks(b"+2\r\n{}\r\n0\r\n\r\n"), 400),
    ("a negative size", chunks(b"-2\r\n{}\r\n0\r\n\r\n"), 400),
    ("a size with 0x", chunks(b"0x2\r\n{}\r\n0\r\n\r\n"), 400),
    ("a size with a space", chunks(b"2 \r\n{}\r\n0\r\n\r\n"), 400),
    ("a space and a size", chunks(b" 2\r\n{}\r\n0\r\n\r\n"), 400),
    ("an empty size", chunks(b"\r\n{}\r\n0\r\n\r\n"), 400),
    ("a size that ends with LF", chunks(b"2\n{}\r\n0\r\n\r\n"), 400),
    ("data that ends with LF", chunks(b"2\r\n{}\n0\r\n\r\n"), 400),
    ("more data than its size", chunks(b"2\r\n{}}\r\n0\r\n\r\n"), 400),
    ("less data than its size", chunks(b"5\r\n{}\r\n0\r\n\r\n"), 400),
    ("a last chunk that ends with LF", chunks(b"2\r\n{}\r\n0\n\n"), 400),
    ("a size above every body", chunks(b"7fffffffffffffff\r\n"), 413),
    ("a length above every body", post(b"Content-Length: 16777217\r\n"), 413),
    # The first line and the host.
    ("no host", get(fields=b""), 400),
    ("two hosts", get(fields=HOST + HOST), 400),
    ("a target without a slash", get(b"GET v1/ping HTTP/1.1\r\n"), 400),
    ("a target that is a host", get(b"CONNECT a:80 HTTP/1.1\r\n"), 400),
    ("a target that is a star", get(b"OPTIONS * HTTP/1.1\r\n"), 400),
    ("an absolute target without a host", get(b"GET http:///v1/ping HTTP/1.1\r\n"), 400),
    ("another scheme", get(b"GET ftp://a/v1/ping HTTP/1.1\r\n"), 400),
    ("a target with a fragment", get(b"GET /v1/ping#x HTTP/1.1\r\n"), 400),
    ("a target with a space", get(b"GET /v1/ping x HTTP/1.1\r\n"), 505),
    ("two spaces", get(b"GET  /v1/ping HTTP/1.1\r\n"), 400),
    ("a tab", get(b"GET\t/v1/ping HTTP/1.1\r\n"), 400),
    ("no version", get(b"GET /v1/ping\r\n"), 400),
    ("HTTP/0.9", get(b"GET /v1/ping HTTP/0.9\r\n"), 505),
    ("HTTP/2.0", get(b"GET /v1/ping HTTP/2.0\r\n"), 505),
    ("HTTP/1.10", get(b"GET /v1/ping HTTP/1.10\r\n"), 505),
    ("http/1.1", get(b"GET /v1/ping http/1.1\r\n"), 505),
    ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ("a method in brackets", get(b"G(T /v1/ping HTTP/1.1\r\n"), 400),
    # Lengths of heads.
    ("a head of 16 KiB and one byte", get(fields=HOST + b"X: " + b"y" * 16384 + b"\r\n"), 431),
    ("101 fields", get(fields=HOST + b"".join(b"X%d: y\r\n" % n for n in range(100))), 431),
    ("a target of 20 KiB", get(b"GET /v1/ping?" + b"x" * 20480 + b" HTTP/1.1\r\n"), 431),
    # Bodies that nobody wants.
    ("a body of a reading", get(fields=HOST + b"Content-Length: 55\r\n"), 400),
    ("chunks of a reading", get(fields=HOST + TE) + b"0\r\n\r\n", 400),
    ("an expectation", post(b"Expect: 200-ok\r\nContent-Length: 2\r\n", b"{}"), 417),
    ("two expectations",
     post(b"Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 2\r\n", b"{}"), 400),
]

# What is taken, as one request: the name, the bytes, the statuses, INNER's included.
TAKEN = [
    ("a plain request", get(), [200, 200]),
    ("a body with a length", post(b"Content-Length: 2\r\n", b"{}"), [200, 200]),
    ("a length with zeros in front", post(b"Content-Length: 002\r\n", b"{}"), [200, 200]),
    ("a body in chunks", chunks(ONE), [200, 200]),
    ("chunks with other letters", post(b"tRANSFER-eNCODING: CHUNKED\r\n", ONE), [200, 200]),
    ("a size with zeros in front", chunks(b"0002\r\n{}\r\n0\r\n\r\n"), [200, 200]),
    ("the absolute form", get(b"GET http://localhost/v1/ping HTTP/1.1\r\n"), [200, 200]),
    ("100 fields", get(fields=HOST + b"".join(b"X%d: y\r\n" % n for n in range(99))), [200, 200]),
    ("a request inside a body is a body",
     post(b"Content-Length: %d\r\n" % len(INNER), INNER), [400, 200]),
    ("a request inside a chunk is a body",
     chunks(b"%x\r\n" % len(INNER) + INNER + b"\r\n0\r\n\r\n"), [400, 200]),
    ("white space around a value", post(b"Content-Length: \t 2 \t\r\n", b"{}"), [200, 200]),
]


def statuses_of(answers):
    """The statuses of what came, and nothing else may have come."""
    found = []
    while answers:
        head, separator, rest = answers.partition(b"\r\n\r\n")
        if not separator or not head.startswith(b"HTTP/1.1 "):
            return [f"no answer: {answers[:100]!r}"]
        found.append(int(head.split(b" ")[1]))
        sizes = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
        answers = rest[int(sizes[0].split(b":")[1]):]
    return found


def run(program, folder, report, _full):
    with Gateway(program, folder) as server:
        wrong = {}
        for name, data, status in REFUSED:
            got = statuses_of(exchange(server.http, data + INNER))
            if got != [status]:
                wrong[name] = got
        report.count(len(REFUSED) - len(wrong), "refused once, and nothing behind it is read",
                     wrong)
        wrong = {}
        for name, data, statuses in TAKEN:
            got = statuses_of(exchange(server.http, data + INNER))
            if got != statuses:
                wrong[name] = got
        report.count(len(TAKEN) - len(wrong), "taken as what they are", wrong)
        report.check("the server is there", server.ask("GET", "/v1/ping").status == 200)
