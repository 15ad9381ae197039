// The lists and bounds that the code has for itself are those of protocol/.
#include "protocol/contract.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/limits.h"

namespace rstmdb::tests {
namespace {

TEST(Contract, ErrorCodesAreThoseOfTheCode) {
  json::Document document;
  read_contract(document, "errors.json");
  const json::Value rows = document.root()["errors"];
  ASSERT_EQ(rows.size(), kCodeCount);
  size_t index = 0;
  for (json::Value row = rows.first(); row; row = row.next(), ++index) {
    const auto code = static_cast<Code>(index);
    EXPECT_EQ(text_of(row, "code"), code_name(code));
    EXPECT_EQ(row["retryable"].boolean(), code_retryable(code)) << code_name(code);
  }
}

/// The bound `which` of a parameter.
int64_t bound(json::Value operations, std::string_view op, std::string_view param,
              std::string_view which) {
  const json::Value row = find_row(operations, "op", op);
  const json::Value found = find_row(row["params"], "name", param);
  EXPECT_TRUE(found.present()) << op << " has no " << param;
  return found ? number_of(found, which, -1) : -1;
}

TEST(Contract, BoundsAreThoseOfTheCode) {
  json::Document document;
  read_contract(document, "operations.json");
  const json::Value rows = document.root()["operations"];
  for (const char* op : {"LIST_INSTANCES", "LIST_MACHINES", "GET_HISTORY"}) {
    EXPECT_EQ(bound(rows, op, "limit", "max"), static_cast<int64_t>(limits::kListLimitMax));
  }
  for (const char* op : {"LIST_INSTANCES", "GET_HISTORY"}) {
    EXPECT_EQ(bound(rows, op, "limit", "default"), static_cast<int64_t>(limits::kListLimitDefault));
  }
  // Clients that know no paging see every machine that one page can hold.
  EXPECT_EQ(bound(rows, "LIST_MACHINES", "limit", "default"),
            static_cast<int64_t>(limits::kListLimitMax));
  EXPECT_EQ(bound(rows, "WAL_READ", "limit", "max"),
            static_cast<int64_t>(limits::kLogReadLimitMax));
  EXPECT_EQ(bound(rows, "WAL_READ", "limit", "default"),
            static_cast<int64_t>(limits::kLogReadLimitDefault));
  EXPECT_EQ(bound(rows, "BATCH", "ops", "max"), static_cast<int64_t>(limits::kBatchOperationsMax));
  for (const char* op : {"PUT_MACHINE", "GET_MACHINE", "CREATE_INSTANCE", "COUNT_INSTANCES"}) {
    EXPECT_EQ(bound(rows, op, "version", "max"), int64_t{limits::kMachineVersionMax}) << op;
  }
}

}  // namespace
}  // namespace rstmdb::tests
