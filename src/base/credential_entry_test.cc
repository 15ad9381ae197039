#include "base/credential_entry.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace rstmdb {
namespace {

const std::string kDigits(64, 'a');

TEST(ParseToken, ABareHashIsAnAdminNamedByItsDigits) {
  const auto token = parse_token("0123456789ABCDEF" + std::string(48, '0'));
  ASSERT_TRUE(token.ok());
  EXPECT_EQ(token->name, "token:01234567");
  EXPECT_EQ(token->role, Role::kAdmin);
  EXPECT_EQ(token->expires_ms, 0);
  EXPECT_EQ(token->digest[0], '\x01');
  EXPECT_EQ(token->digest[7], '\xef');
  EXPECT_EQ(parse_token("ABCDEF01" + std::string(56, '0'))->name, "token:abcdef01");
}

TEST(ParseToken, OptionsMayStandInAnyOrderAndSpacing) {
  const auto token =
      parse_token("\t " + kDigits + "  expires=2027-01-01T00:00:00Z\trole=read   name=b.i-l@x+1 ");
  ASSERT_TRUE(token.ok()) << token.error().to_string();
  EXPECT_EQ(token->name, "b.i-l@x+1");
  EXPECT_EQ(token->role, Role::kRead);
  EXPECT_EQ(token->expires_ms, 1'798'761'600'000);
}

TEST(ParseToken, AnEndInThePastIsOneHoweverLongAgo) {
  // 0 says that there is none.
  for (const char* past :
       {"1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.5Z"})
    EXPECT_NE(parse_token(kDigits + " expires=" + past)->expires_ms, 0) << past;
}

TEST(ParseToken, ANameAtTheLimitIsTakenAndOneAboveIsNot) {
  const std::string longest(limits::kPrincipalNameBytesMax, 'n');
  EXPECT_TRUE(parse_token(kDigits + " name=" + longest).ok());
  EXPECT_FALSE(parse_token(kDigits + " name=" + longest + "n").ok());
}

TEST(ParseToken, NoRefusalShowsWhatCouldBeAToken) {
  for (const std::string& line :
       {std::string("secret-token"), kDigits + " secret-token", kDigits + " secret=token",
        "secret-token " + kDigits, kDigits + " role=secret", kDigits + " name=secret!",
        kDigits + " expires=secret", kDigits + " SECRETsecret="}) {
    const auto token = parse_token(line);
    ASSERT_FALSE(token.ok()) << line;
    const std::string said = token.error().to_string();
    EXPECT_EQ(said.find("token:"), std::string::npos) << said;
    EXPECT_EQ(said.find("secret-"), std::string::npos) << said;
    EXPECT_EQ(said.find(kDigits), std::string::npos) << said;
    EXPECT_EQ(said.find("SECRET"), std::string::npos) << said;
  }
}

TEST(ParseTime, ReadsRfc3339AndNothingElse) {
  const std::pair<const char*, int64_t> good[] = {{"1970-01-01T00:00:00Z", 0},
                                                  {"2026-11-26T11:30:05Z", 1'795'692'605'000},
                                                  {"2026-11-26t11:30:05.999z", 1'795'692'605'000},
                                                  {"2026-11-26T13:30:05+02:00", 1'795'692'605'000},
                                                  {"2026-11-26T06:00:05-05:30", 1'795'692'605'000},
                                                  {"2028-02-29T00:00:00Z", 1'835'395'200'000}};
  for (const auto& [text, ms] : good) {
    const auto time = parse_time(text);
    ASSERT_TRUE(time.ok()) << text;
    EXPECT_EQ(*time, ms) << text;
  }
  for (const char* bad :
       {"", "now", "2026-11-26", "2026-11-26T11:30:05", "2026-11-26 11:30:05Z",
        "2026-13-01T00:00:00Z", "2027-02-29T00:00:00Z", "2026-11-26T24:00:00Z",
        "2026-11-26T11:60:00Z", "2026-11-26T11:30:60Z", "2026-11-26T11:30Z", "26-11-26T11:30:05Z",
        "2026-11-26T11:30:05.Z", "2026-11-26T11:30:05+0200", "2026-11-26T11:30:05+24:00",
        "2026-11-26T11:30:05ZZ", "2026-11-26T11:30:05+02:00Z", "2026-1-1T00:00:00Z",
        "+026-11-26T11:30:05Z"})
    EXPECT_FALSE(parse_time(bad).ok()) << bad;
}

TEST(ParseCertificate, TheLastWordIsTheRoleAndTheRestTheSubject) {
  const auto certificate = parse_certificate("  CN=ship it, role=x,O=Acme   role=write ");
  ASSERT_TRUE(certificate.ok()) << certificate.error().to_string();
  EXPECT_EQ(certificate->subject, "CN=ship it, role=x,O=Acme");
  EXPECT_EQ(certificate->role, Role::kWrite);
}

TEST(ParseCertificate, ASubjectAtTheLimitIsTakenAndOneAboveIsNot) {
  const std::string longest = "CN=" + std::string(limits::kNameBytesMax - 3, 'n');
  EXPECT_TRUE(parse_certificate(longest + " role=read").ok());
  EXPECT_FALSE(parse_certificate(longest + "n role=read").ok());
}

}  // namespace
}  // namespace rstmdb
