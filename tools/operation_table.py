"""The server's table of operations, from protocol/operations.json."""

import json

import contract

CPP_HEAD = """\
// Made by tools/generate from protocol/operations.json: every operation, its parameters and their
// spellings as constant data. Change the contract, never this file.
#include <cstdint>
#include <span>
#include <string_view>

namespace rstmdb::api {

enum class ParamType : uint8_t {
  kName,     // text of `min` to `max` bytes, no control characters
  kText,     // text of `min` to `max` bytes
  kInteger,  // `min` to `max`
  kOffset,   // as kInteger, and a text of digits is taken as well
  kObject,
  kArray,    // `min` to `max` elements
  kBoolean,
  kEnum,     // one of `values`
  kAny,
  kNames,    // `min` to `max` names in an array; one text counts as an array of one
};
enum class Need : uint8_t { kOptional, kRequired };  // an optional one that is null is missing
enum class HasDefault : uint8_t { kNo, kYes };
enum class Access : uint8_t { kNone, kRead, kWrite, kAdmin };
enum class BeforeAuth : uint8_t { kNo, kYes };
enum class InBatch : uint8_t { kNo, kYes };

struct ParamRow {
  std::string_view name;
  ParamType type;
  Need need;
  int64_t min;
  int64_t max;
  HasDefault has_default;
  int64_t default_number;         // of kInteger and kOffset; of kBoolean 0 or 1
  std::string_view default_text;  // of kEnum; of kObject "{}"
  std::span<const std::string_view> spellings;  // accepted keys, `name` first
  std::span<const std::string_view> values;     // of kEnum
};
"""
CPP_ROW = """\
struct OperationRow {
  std::string_view name;
  Operation operation;
  Access access;
  BeforeAuth before_auth;
  InBatch in_batch;
  std::span<const ParamRow> params;  // in the order of the operation's enumeration in params::
};
"""


def quoted(text):
    return json.dumps(text)


def yes(flag):
    return "kYes" if flag else "kNo"


def constant(name):
    return "k" + contract.pascal(name)


def cpp_strings(name, texts):
    listed = ", ".join(quoted(text) for text in texts)
    return f"inline constexpr std::string_view {name}[] = {{{listed}}};"


def cpp_param(stem, param):
    """The rows that the parameter needs before it, and its own."""
    base = stem + contract.pascal(param["name"])
    before = [cpp_strings(f"{base}Spellings", contract.spellings(param))]
    values = "{}"
    if param["type"] == "enum":
        before.append(cpp_strings(f"{base}Values", param["values"]))
        values = f"{base}Values"
    default = param.get("default")
    number = int(default) if isinstance(default, (bool, int)) else 0
    text = {"enum": default or "", "object": "{}"}.get(param["type"], "")
    text = text if "default" in param else ""
    row = (f"    {{{quoted(param['name'])}, ParamType::{constant(param['type'])}, "
           f"Need::{'kRequired' if param['required'] else 'kOptional'}, {param['min']}, "
           f"{param['max']}, HasDefault::{yes('default' in param)}, {number}, {quoted(text)}, "
           f"{base}Spellings, {values}}},")
    return before, row


def cpp_operation(row):
    stem = constant(row["op"])
    names = ", ".join(constant(param["name"]) for param in row["params"])
    enum = f"enum class {contract.pascal(row['op'])}Param : uint8_t {{{names}}};"
    before, rows = [], []
    for param in row["params"]:
        strings, line = cpp_param(stem, param)
        before += strings
        rows.append(line)
    if rows:
        rows = [f"inline constexpr ParamRow {stem}Params[] = {{", *rows, "};"]
    params = f"{stem}Params" if rows else "std::span<const ParamRow>{}"
    entry = (f"    {{{quoted(row['op'])}, Operation::{stem}, Access::{constant(row['access'])}, "
             f"BeforeAuth::{yes(row['before_auth'])}, InBatch::{yes(row['in_batch'])}, "
             f"{params}}},")
    return enum, before + rows, entry


def make(operations):
    parts = [cpp_operation(row) for row in operations]
    names = "\n".join(f"  {constant(row['op'])}," for row in operations)
    lines = [CPP_HEAD,
             f"enum class Operation : uint8_t {{\n{names}\n}};",
             f"inline constexpr size_t kOperationCount = {len(operations)};\n",
             CPP_ROW,
             "namespace params {",
             *[enum for enum, _, _ in parts],
             "}  // namespace params\n",
             *[line for _, rows, _ in parts for line in rows],
             "\n// In the order of Operation.",
             "inline constexpr OperationRow kOperations[] = {",
             *[entry for _, _, entry in parts],
             "};\n",
             "}  // namespace rstmdb::api"]
    return "\n".join(lines) + "\n"
