// A token that says who somebody is, for an hour: made, believed, and not believed once it was touched.
#include <weft/weft.hpp>

#include <chrono>
#include <cstdio>
#include <string>

namespace http = weft::http;

weft::result<void> app() {
  // Random in earnest, and known to nobody else.
  const http::jwt_key key{.algorithm = http::jwt_algorithm::hs256, .secret = std::string(32, 'k')};
  const auto later = (std::chrono::system_clock::now() + std::chrono::hours{1}).time_since_epoch();
  const auto expires = std::chrono::duration_cast<std::chrono::seconds>(later).count();
  std::string token =
      http::sign_jwt(key, R"({"sub":"ada","aud":"engine","exp":)" + std::to_string(expires) + '}');

  const http::jwt_verifier verifier{key, {.audience = "engine"}};
  const http::jwt_claims claims = WEFT_TRY(verifier.verify(token));
  std::printf("subject: %s\n", claims.subject.c_str());

  char& letter = token[token.size() - 10];
  letter = letter == 'A' ? 'B' : 'A';
  if (const auto touched = verifier.verify(token); !touched)
    std::printf("touched: %s\n", touched.error().message().c_str());
  return {};
}

int main() { return weft::exit_status(weft::run(app), "jwt"); }
