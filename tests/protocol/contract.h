// Reads the files of protocol/ for the tests that hold the code against them.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "json/document.h"

namespace rstmdb::tests {

/// Parses `path` (below protocol/) into `document`; fails the running test when it cannot.
void read_contract(json::Document& document, std::string_view path);

/// The text of member `key`, which has to be a string.
std::string text_of(json::Value object, std::string_view key);

/// The integer in member `key`, or `otherwise` when there is none.
int64_t number_of(json::Value object, std::string_view key, int64_t otherwise);

/// The row of the array `rows` whose member `key` is `name`; absent when there is none.
json::Value find_row(json::Value rows, std::string_view key, std::string_view name);

/// Whether every detail that `expected` (an object) lists is in `error`, text or number.
testing::AssertionResult has_details(const Error& error, json::Value expected);

}  // namespace rstmdb::tests
