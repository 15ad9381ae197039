#include "api/credentials.h"

#include <gtest/gtest.h>

#include "api/dispatch.h"

namespace rstmdb::api {
namespace {

TEST(Credentials, FindsAnOwnerByTokenBySubjectAndByProof) {
  Credentials credentials;
  credentials.add_token(sha256("one"), {"first", Access::kRead, 0});
  credentials.add_token(sha256("two"), {"second", Access::kWrite, 7});
  credentials.add_certificate("CN=a", {"CN=a", Access::kAdmin, 0});
  ASSERT_NE(credentials.find_token("two"), nullptr);
  EXPECT_EQ(credentials.find_token("two")->name, "second");
  EXPECT_EQ(credentials.find_token("three"), nullptr);
  EXPECT_EQ(credentials.find_token(""), nullptr);
  EXPECT_EQ(credentials.find_certificate("CN=a")->rights, Access::kAdmin);
  EXPECT_EQ(credentials.find_certificate("CN=a,O=b"), nullptr);
  EXPECT_EQ(credentials.find(Credentials::token_proof("one"))->name, "first");
  EXPECT_EQ(credentials.find(Credentials::token_proof("three")), nullptr);
  EXPECT_EQ(credentials.find({Proof::Kind::kCertificate, "CN=a"})->name, "CN=a");
  EXPECT_EQ(credentials.find({Proof::Kind::kToken, "CN=a"}), nullptr);
  EXPECT_EQ(credentials.find({}), nullptr);
  EXPECT_EQ(credentials.size(), 3u);
}

TEST(Authorise, EveryOperationNeedsTheRightThatItsRowNames) {
  for (const OperationRow& row : kOperations) {
    for (const Access rights : {Access::kNone, Access::kRead, Access::kWrite, Access::kAdmin}) {
      Caller caller;
      caller.rights = rights;
      const auto allowed = authorise(row, caller);
      const bool expected =
          row.access == Access::kNone || (rights != Access::kNone && rights >= row.access);
      EXPECT_EQ(allowed.ok(), expected) << row.name << static_cast<int>(rights);
      if (allowed.ok()) continue;
      EXPECT_EQ(allowed.error().code(), Code::kUnauthorized);
      EXPECT_EQ(allowed.error().detail("op"), row.name);
      EXPECT_EQ(allowed.error().detail("code"), rights == Access::kNone ? "" : "FORBIDDEN");
    }
  }
}

TEST(Authorise, ARowThatSaysNothingAllowsNothing) {
  OperationRow silent{};
  silent.name = "NEW";
  for (const Access rights : {Access::kNone, Access::kRead, Access::kWrite, Access::kAdmin}) {
    Caller caller;
    caller.rights = rights;
    EXPECT_FALSE(authorise(silent, caller).ok()) << static_cast<int>(rights);
  }
}

TEST(IdentifyAs, WhereNothingIsAskedForOnlyTheNameCounts) {
  Caller caller;
  caller.rights = Access::kAdmin;
  ServerFacts facts;
  identify_as(caller, facts, {"reader", Access::kRead, 0}, {});
  EXPECT_EQ(caller.rights, Access::kAdmin);
  EXPECT_EQ(caller.principal.name, "reader");
  facts.auth_required = true;
  identify_as(caller, facts, {"reader", Access::kRead, 0}, {});
  EXPECT_EQ(caller.rights, Access::kRead);
}

}  // namespace
}  // namespace rstmdb::api
