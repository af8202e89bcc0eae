// JSON Web Tokens, signed with a secret: HS256 and HS512. Source: RFC 7519; RFC 7515; RFC 7518, section 3.2;
// RFC 8725, which says what has gone wrong with them.
//
// The algorithm is that of whoever verifies, never what a token asks for: "none" and all others are refused.
// A build without OpenSSL (-Dopenssl) has no such tokens, and programs that use them do not link.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <weft/runtime/base/result.hpp>

namespace weft::http {

/// Why a token is refused: for logs, since all of them are 401 to who sent it. They answer so by themselves.
enum class jwt_error : unsigned char {
  malformed = 1,
  wrong_algorithm,
  wrong_signature,
  expired,
  not_yet_valid,
  wrong_audience,
  wrong_issuer,
};

const std::error_category& jwt_category() noexcept;
std::error_code make_error_code(jwt_error) noexcept;

enum class jwt_algorithm : unsigned char { hs256, hs512 };

struct jwt_key {
  jwt_algorithm algorithm = jwt_algorithm::hs256;
  /// Random bytes, at least as many as the hash has (32, 64), which is asserted: shorter ones can be guessed.
  std::string secret;
};

/// What a token says.
struct jwt_claims {
  /// The claim of that name, if it is a string or a number.
  std::optional<std::string> text(std::string_view name) const;
  std::optional<double> number(std::string_view name) const;

  std::string json;                     // all of it
  std::string subject{}, issuer{};      // empty: there is none
  std::vector<std::string> audience{};  // whether it was a list or a single string
};

struct jwt_options {
  /// Who verifies: must stand among the token's audience. Empty: tokens that name an audience are refused.
  std::string audience{};
  /// Who must have issued the token. Empty: whoever knows the secret.
  std::string issuer{};
  /// Whether a token that never expires is malformed.
  bool must_expire = true;
  /// By how much clocks may differ.
  std::chrono::seconds leeway{0};
  /// Seconds since 1970, for tests; null: the clock's.
  std::int64_t (*now)() = nullptr;
};

/// The token for these claims, which are a JSON object (asserted): {"sub":"ada","exp":1794000000}.
///
/// Safe from  any fiber or thread; computes on the worker's own stack.
std::string sign_jwt(const jwt_key& key, std::string_view claims);

class jwt_verifier {
 public:
  explicit jwt_verifier(jwt_key key, jwt_options options = {});

  /// What the token says, if its signature is right, it has not expired (exp), its time has come (nbf) and it
  /// is for us (aud, iss).
  ///
  /// Errors     jwt_error. The signature is compared in constant time, and before anything is believed.
  /// Safe from  any fiber or thread; computes on the worker's own stack.
  [[nodiscard]] result<jwt_claims> verify(std::string_view token) const;

 private:
  result<jwt_claims> verify_here(std::string_view token) const;
  result<void> check(const jwt_claims& claims) const;

  jwt_key key_;
  jwt_options options_;
};

}  // namespace weft::http

template <>
struct std::is_error_code_enum<weft::http::jwt_error> : std::true_type {};
