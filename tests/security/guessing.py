"""Guessing of tokens over many connections, from one address and from others; loopback is none the
less watched."""

import concurrent.futures
import time

from world import Client, Failed, Server, code_of, token_line

TOKEN = "guessing-token-that-is-right-012"


def guess(port, token, source):
    with Client(port, source=source) as client:
        return client.auth(token)


def retry_after_ms(answer):
    return answer.get("error", {}).get("details", {}).get("retry_after_ms", 0)


def run(program, folder, report, _full):
    settings = {"auth": {"required": True, "token_hashes": [token_line(TOKEN, "name=right")]}}
    with Server(program, folder, settings) as server:
        with Client(server.port, source="127.0.0.3") as inside:
            inside.auth(TOKEN)
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                codes = list(pool.map(
                    lambda i: code_of(guess(server.port, f"wrong-guess-{i:04}", "127.0.0.3")),
                    range(60)))
            looked_at = codes.count("AUTH_FAILED")
            report.check(f"of 60 guesses {looked_at} were looked at, the others refused unseen",
                         10 <= looked_at <= 20 and
                         codes.count("RATE_LIMITED/TOO_MANY_GUESSES") == 60 - looked_at, codes)
            deadline = time.monotonic() + 60
            while retry_after_ms(guess(server.port, "wrong-guess-again", "127.0.0.3")) < 500:
                if time.monotonic() > deadline:  # each brings the next wait nearer
                    raise Failed("guesses are refused without a wait of half a second")
            answer = guess(server.port, TOKEN, "127.0.0.3")
            wait_ms = retry_after_ms(answer)
            report.check("a right token from there has to wait, too",
                         code_of(answer) == "RATE_LIMITED/TOO_MANY_GUESSES" and
                         0 < wait_ms <= 60_000, answer)
            report.check("who is in does not notice", code_of(inside.ask("INFO")) == "ok")
            report.check("another address does not wait",
                         code_of(guess(server.port, TOKEN, "127.0.0.4")) == "ok")
            deadline = time.monotonic() + wait_ms / 1000 + 2
            while code_of(guess(server.port, TOKEN, "127.0.0.3")) != "ok":
                if time.monotonic() > deadline:
                    raise Failed("the wait does not end")
                time.sleep(0.05)  # polling, with the deadline above
            report.check("after the wait it is let in", True)
