"""The pages about the contract: operations.md and errors.md, and the tables of http.md."""

import json
import re

import contract

MADE_FROM = "*Made by `tools/generate` from `protocol/{}.json`; change that file.*"


def cell(text):
    return text.replace("|", "\\|")


def describe_param(param):
    notes = [param["doc"] + "."]
    kind = param["type"]
    if kind in ("integer", "offset") and param["max"] < contract.OFFSET_MAX:
        notes.append(f"{param['min']} to {param['max']}.")
    if kind in ("array", "names"):
        notes.append(f"{param['min']} to {param['max']} elements.")
    if kind == "text":
        notes.append(f"At most {param['max']} bytes.")
    if kind == "enum":
        notes.append("One of " + ", ".join(f"`{value}`" for value in param["values"]) + ".")
    if "default" in param:
        notes.append(f"Default `{json.dumps(param['default'])}`.")
    if param.get("aliases"):
        notes.append("Also " + ", ".join(f"`{alias}`" for alias in param["aliases"]) + ".")
    need = "required" if param["required"] else "optional"
    return f"| `{param['name']}` | {kind} | {need} | {cell(' '.join(notes))} |"


def describe_field(field):
    kind = field["type"] + (" or null" if field.get("nullable") else "")
    kind += ", may be missing" if field.get("optional") else ""
    return f"| `{field['name']}` | {kind} | {cell(field['doc'])}. |"


def listed(codes):
    return ", ".join(f"`{code}`" for code in codes)


def describe_operation(row):
    facts = [f"Since {row['since']}.", f"Rights: {row['access']}."]
    if row["before_auth"]:
        facts.append("Allowed before AUTH.")
    if row["in_batch"]:
        facts.append("Allowed inside BATCH.")
    lines = [f"## {row['op']}", "", row["summary"] + " " + " ".join(facts), ""]
    if row.get("notes"):
        lines += [row["notes"], ""]
    if row["params"]:
        lines += ["| parameter | type | | |", "| --- | --- | --- | --- |",
                  *map(describe_param, row["params"]), ""]
    else:
        lines += ["No parameters.", ""]
    lines += ["| result | type | |", "| --- | --- | --- |", *map(describe_field, row["result"])]
    if row["errors"]:
        lines += ["", f"Errors of its own: {listed(row['errors'])}."]
    return [*lines, ""]


def make_operations_page(operations, errors_of_all):
    return "\n".join([
        "# Operations", "",
        MADE_FROM.format("operations"), "",
        f"Every operation can answer {listed(errors_of_all)}; [errors.md](errors.md) says what the "
        "codes mean.", "",
        "A **name** is text of 1 to 256 bytes, valid UTF-8 without control characters. An "
        "**offset** is an integer from 0 to 2^53-1, or the same digits as text. **names** is an "
        "array of names, or one name. Every parameter may also be written in camelCase "
        "(`instanceId`). An optional parameter that is null counts as missing, and parameters "
        "that are not listed are ignored. A parameter under two spellings at once is refused.", "",
        *[line for row in operations for line in describe_operation(row)]]).rstrip() + "\n"


def in_http(row):
    first, *others = row["http"]
    text = f"HTTP: {first['status']}"
    if first.get("when"):
        text += f" when {first['when']}"
    return text + "".join(f", {each['status']} when {each['when']}" for each in others) + "."


def make_errors_page(errors):
    lines = ["# Errors", "",
             MADE_FROM.format("errors"), "",
             "The list is closed. Recognise an error by `code` and `details`, never by `message`. "
             "*Retryable* means that the same request, unchanged, may succeed later. Over HTTP an "
             "error is a problem document with the same members, and its status is given here.",
             ""]
    for row in errors:
        kind = "Retryable." if row["retryable"] else "Not retryable."
        lines += [f"## {row['code']}", "", f"{row['meaning']} {kind} {in_http(row)}", ""]
        if row["details"]:
            lines += ["| detail | type | |", "| --- | --- | --- |"]
            lines += [f"| `{detail['name']}` | {detail['type']} | {cell(detail['meaning'])}. |"
                      for detail in row["details"]]
            lines += [""]
    return "\n".join(lines).rstrip() + "\n"


def where(params):
    return ", ".join(f"`{param['name']}`" for param in params)


def describe_route(route):
    takes = []
    if route.in_query:
        takes.append(f"query {where(route.in_query)}")
    if route.in_header:
        takes.append("headers " + ", ".join(f"`{header}`" for header in route.in_header))
    if route.body == "one":
        takes.append(f"body: the {route.body_params[0]['name']}")
    elif route.body == "params":
        takes.append("body")
    gives = "events" if route.stream else " or ".join(map(str, route.statuses))
    gives += ", `ETag`" if route.etag else ""
    gives += ", `Location`" if route.location[1] else ""
    op = route.operation["op"]
    link = f"[{op}](operations.md#{op.lower()})"
    return f"| `{route.method} {route.path}` | {link} | {cell('; '.join(takes))} | {gives} |"


def make_routes_table(http_routes):
    return ["| | operation | takes | gives |", "| --- | --- | --- | --- |",
            *map(describe_route, http_routes)]


def make_statuses_table(errors):
    cases = [(case["status"], row["code"], case.get("when", ""))
             for row in errors for case in row["http"]]
    return ["| status | code | |", "| --- | --- | --- |",
            *[f"| {status} | `{code}` | {f'when {when}' if when else ''} |"
              for status, code, when in sorted(cases, key=lambda case: case[0])]]


def with_tables(page, tables):
    """The page with each table between the comments that name it."""
    for name, lines in tables.items():
        table = "\n".join(["", "", *lines, "", ""])
        page, count = re.subn(rf"(<!-- {name}: [^>]*-->).*?(<!-- end of {name} -->)",
                              lambda match, table=table: match[1] + table.rstrip("\n") + "\n\n"
                              + match[2], page, flags=re.DOTALL)
        if count != 1:
            raise contract.ContractError(f"docs/http.md has no place for {name}")
    return page
