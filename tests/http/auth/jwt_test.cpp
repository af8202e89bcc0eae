#include <weft/http/auth/jwt.hpp>

#include <gtest/gtest.h>

#include <string>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <weft/http/auth/base64.hpp>
#include <weft/http/middleware/bearer_auth.hpp>
#include <weft/http/request.hpp>
#include <weft/http/response.hpp>
#include <weft/runtime/runtime.hpp>

#include "ask.hpp"

using namespace weft::http;
using namespace std::chrono_literals;
using detail::base64_alphabet;

namespace {

std::string in_url(std::string_view bytes) { return detail::encode_base64(bytes, base64_alphabet::url); }

const std::string secret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

// A token with any header and payload, signed as HS256 without weft.
std::string forged(std::string_view header, std::string_view payload, const std::string& with = secret) {
  const std::string text = in_url(header) + '.' + in_url(payload);
  unsigned char made[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  HMAC(EVP_sha256(), with.data(), static_cast<int>(with.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), made, &length);
  return text + '.' + in_url({reinterpret_cast<const char*>(made), length});
}

// What becomes of a token, at the time 1000: its claims, or the error.
std::string verified(std::string_view token, jwt_options options = {},
                     jwt_algorithm algorithm = jwt_algorithm::hs256) {
  options.now = [] { return std::int64_t{1000}; };
  const auto claims = jwt_verifier{{algorithm, secret}, options}.verify(token);
  return claims ? claims->json : claims.error().message();
}

const std::string plain_header = R"({"alg":"HS256"})";
const std::string malformed = "not a token", other_algorithm = "a token of another algorithm",
                  unsigned_ = "a token that was not signed with this key", expired = "the token has expired",
                  early = "the token is not valid yet", not_for_us = "the token is for somebody else",
                  not_theirs = "the token is from somebody else";

}  // namespace

// Source: RFC 7515, appendix A.1.
TEST(Jwt, verifies_the_example_of_the_standard) {
  const auto key = detail::decode_base64(
      "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
      base64_alphabet::url);
  const std::string token =
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
      "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  const jwt_verifier before{{jwt_algorithm::hs256, *key}, {.now = [] { return std::int64_t{1300819379}; }}};
  const auto claims = before.verify(token);
  ASSERT_TRUE(claims) << claims.error().message();
  EXPECT_EQ(claims->issuer, "joe");
  EXPECT_EQ(claims->number("exp"), 1300819380.0);
  EXPECT_EQ(claims->text("iss"), "joe");
  EXPECT_FALSE(claims->text("exp"));
  EXPECT_FALSE(claims->text("nothing"));
  const jwt_verifier after{{jwt_algorithm::hs256, *key}, {.now = [] { return std::int64_t{1300819380}; }}};
  EXPECT_EQ(after.verify(token).error(), jwt_error::expired);
}

TEST(Jwt, signs_as_others_do) {
  EXPECT_EQ(sign_jwt({jwt_algorithm::hs512, secret}, R"({"sub":"ada","exp":2000})"),
            "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZGEiLCJleHAiOjIwMDB9."
            "EQ0nxbGCwdHdjeE9wVjjOsdwDKmqONma0oBB5gsMFqmGGECX3egdxLHC7KbzocY5tpT2BvApRUkzyyFuX1CvlQ");
  EXPECT_EQ(sign_jwt({jwt_algorithm::hs256, secret}, R"({"exp":2000})"),
            forged(R"({"alg":"HS256","typ":"JWT"})", R"({"exp":2000})"));
}

TEST(Jwt, takes_what_it_signs) {
  for (const auto algorithm : {jwt_algorithm::hs256, jwt_algorithm::hs512}) {
    const std::string token = sign_jwt({algorithm, secret}, R"({"sub":"ada","exp":2000})");
    EXPECT_EQ(verified(token, {}, algorithm), R"({"sub":"ada","exp":2000})");
  }
}

TEST(Jwt, takes_only_its_own_algorithm) {
  const std::string claims = R"({"exp":2000})";
  for (const char* header :
       {R"({"alg":"none"})", R"({"alg":"None"})", R"({"alg":"HS512"})", R"({"alg":"hs256"})",
        R"({"alg":"RS256"})", R"({"alg":""})", R"({"alg":["HS256"]})", R"({"alg":null})", R"({"typ":"JWT"})",
        R"({"ALG":"HS256"})"}) {
    EXPECT_EQ(verified(forged(header, claims)), other_algorithm) << header;
    EXPECT_EQ(verified(in_url(header) + '.' + in_url(claims) + '.'), other_algorithm) << header;
  }
  EXPECT_EQ(verified(sign_jwt({jwt_algorithm::hs512, secret}, claims)), other_algorithm);
  EXPECT_EQ(verified(sign_jwt({jwt_algorithm::hs256, secret}, claims), {}, jwt_algorithm::hs512),
            other_algorithm);
  EXPECT_EQ(verified(forged(R"({"alg":"HS256","crit":["exp"]})", claims)), malformed);
  EXPECT_EQ(verified(forged(R"({"alg":"none","alg":"HS256"})", claims)), malformed);
}

TEST(Jwt, takes_nothing_that_was_changed) {
  const std::string good = forged(plain_header, R"({"exp":2000})");
  ASSERT_EQ(verified(good), R"({"exp":2000})");
  for (std::size_t i = 0; i < good.size(); ++i)
    for (const char c : {'A', 'B', '.', '=', '\0'}) {
      std::string changed = good;
      changed[i] = c;
      if (changed != good) EXPECT_NE(verified(changed), R"({"exp":2000})") << i << c;
    }
  for (std::size_t length = 0; length < good.size(); ++length)
    EXPECT_NE(verified(good.substr(0, length)), R"({"exp":2000})") << length;
  EXPECT_EQ(verified(good + 'A'), unsigned_);
  EXPECT_EQ(verified(good + ".A"), malformed);
  EXPECT_EQ(verified(good + '='), malformed);
  EXPECT_EQ(verified(good.substr(0, good.rfind('.') + 1)), unsigned_);
  EXPECT_EQ(verified(good.substr(0, good.rfind('.'))), malformed);
  EXPECT_EQ(verified(forged(plain_header, R"({"exp":2000})", std::string(64, 'x'))), unsigned_);
  EXPECT_EQ(verified(""), malformed);
  EXPECT_EQ(verified(".."), malformed);
}

TEST(Jwt, looks_at_the_claims) {
  struct row {
    const char* claims;
    jwt_options options;
    std::string outcome;
  };
  const jwt_options us{.audience = "us"}, late{.leeway = 5s}, joes{.issuer = "joe"},
      forever{.must_expire = false};
  for (const auto& [claims, options, outcome] : {
           row{R"({"exp":1001})", {}, "good"},
           row{R"({"exp":1000})", {}, expired},
           row{R"({"exp":1000.5})", {}, "good"},
           row{R"({"exp":-1})", {}, expired},
           row{R"({"exp":996})", late, "good"},
           row{R"({"exp":995})", late, expired},
           row{R"({"exp":"2000"})", {}, malformed},
           row{R"({"exp":null})", {}, malformed},
           row{R"({})", {}, malformed},
           row{R"({})", forever, "good"},
           row{R"({"exp":1000})", forever, expired},
           row{R"({"exp":2000,"nbf":1000})", {}, "good"},
           row{R"({"exp":2000,"nbf":1001})", {}, early},
           row{R"({"exp":2000,"nbf":1005})", late, "good"},
           row{R"({"exp":2000,"nbf":1006})", late, early},
           row{R"({"exp":2000,"nbf":true})", {}, malformed},
           row{R"({"exp":2000,"iat":"x"})", {}, malformed},
           row{R"({"exp":2000,"aud":"us"})", us, "good"},
           row{R"({"exp":2000,"aud":["them","us"]})", us, "good"},
           row{R"({"exp":2000,"aud":["them"]})", us, not_for_us},
           row{R"({"exp":2000,"aud":"US"})", us, not_for_us},
           row{R"({"exp":2000,"aud":[]})", us, not_for_us},
           row{R"({"exp":2000})", us, not_for_us},
           row{R"({"exp":2000,"aud":"us"})", {}, not_for_us},
           row{R"({"exp":2000,"aud":""})", {}, not_for_us},
           row{R"({"exp":2000,"aud":7})", us, malformed},
           row{R"({"exp":2000,"aud":["us",7]})", us, malformed},
           row{R"({"exp":2000,"iss":"joe"})", joes, "good"},
           row{R"({"exp":2000,"iss":"jim"})", joes, not_theirs},
           row{R"({"exp":2000})", joes, not_theirs},
           row{R"({"exp":2000,"iss":7})", {}, malformed},
           row{R"({"exp":2000,"exp":3000})", {}, malformed},
           row{R"([])", {}, malformed},
           row{R"({"exp":2000)", {}, malformed},
       })
    EXPECT_EQ(verified(forged(plain_header, claims), options), outcome == "good" ? claims : outcome)
        << claims;
}

TEST(Jwt, guards_a_route) {
  router r;
  r.use(bearer_auth{{.check = [verifier = jwt_verifier{{jwt_algorithm::hs256, secret}}](
                                  std::string_view token) { return verifier.verify(token).has_value(); }}});
  r.get("/", [](request&, response& s) { s.text("in"); });
  const auto asked = weft::testing::request_text;
  const std::string bearer = "Authorization: Bearer ";
  const std::string good = forged(plain_header, R"({"exp":99999999999})");
  const std::string stale = forged(plain_header, R"({"exp":1})");
  const std::string answers = weft::run([&] {
    return weft::testing::ask(
        std::move(r), asked("GET", "/", bearer + stale + "\r\n") + asked("GET", "/", bearer + good + "\r\n"));
  });
  EXPECT_TRUE(answers.starts_with("HTTP/1.1 401 ")) << answers;
  EXPECT_TRUE(answers.ends_with("\r\n\r\nin")) << answers;
}

TEST(Jwt, answers_401_where_a_handler_passes_the_error_on) {
  EXPECT_EQ(status_of(make_error_code(jwt_error::expired)), status::unauthorized);
}

TEST(JwtDeathTest, refuses_keys_that_can_be_guessed) {
  EXPECT_DEATH(jwt_verifier({jwt_algorithm::hs256, std::string(31, 'x')}), "guessed");
  EXPECT_DEATH(sign_jwt({jwt_algorithm::hs512, std::string(63, 'x')}, "{}"), "guessed");
  EXPECT_DEATH(sign_jwt({jwt_algorithm::hs256, secret}, "[]"), "object");
}
