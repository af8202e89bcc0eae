#include <weft/http/auth/jwt.hpp>

#include <algorithm>
#include <utility>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <weft/http/auth/base64.hpp>
#include <weft/http/auth/constant_time.hpp>
#include <weft/http/auth/json_reader.hpp>
#include <weft/http/message/date.hpp>
#include <weft/http/message/status.hpp>
#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/thread_stack.hpp>

namespace weft::http {

using detail::base64_alphabet;
using detail::json_member;

namespace {

class category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "jwt"; }
  std::string message(int value) const override {
    switch (static_cast<jwt_error>(value)) {
      case jwt_error::malformed: return "not a token";
      case jwt_error::wrong_algorithm: return "a token of another algorithm";
      case jwt_error::wrong_signature: return "a token that was not signed with this key";
      case jwt_error::expired: return "the token has expired";
      case jwt_error::not_yet_valid: return "the token is not valid yet";
      case jwt_error::wrong_audience: return "the token is for somebody else";
      case jwt_error::wrong_issuer: return "the token is from somebody else";
    }
    return "unknown";
  }
  std::error_condition default_error_condition(int) const noexcept override {
    return {static_cast<int>(status::unauthorized), status_category()};
  }
};

constexpr std::string_view name_of(jwt_algorithm a) noexcept {
  return a == jwt_algorithm::hs256 ? "HS256" : "HS512";
}

// On a thread's stack: what OpenSSL wants of it is more than a fiber may have.
std::string signature_of(const jwt_key& key, std::string_view text) {
  std::string made(EVP_MAX_MD_SIZE, '\0');
  unsigned length = 0;
  const unsigned char* const done =
      HMAC(key.algorithm == jwt_algorithm::hs256 ? EVP_sha256() : EVP_sha512(), key.secret.data(),
           static_cast<int>(key.secret.size()), reinterpret_cast<const unsigned char*>(text.data()),
           text.size(), reinterpret_cast<unsigned char*>(made.data()), &length);
  WEFT_ASSERT(done != nullptr, "OpenSSL cannot make an HMAC");
  made.resize(length);
  return made;
}

void check_key(const jwt_key& key) {
  const std::size_t least = key.algorithm == jwt_algorithm::hs256 ? 32 : 64;
  WEFT_ASSERT(key.secret.size() >= least, "a secret shorter than its hash can be guessed");
}

const json_member* find(const std::vector<json_member>& all, std::string_view name) {
  const auto found = std::ranges::find(all, name, &json_member::name);
  return found == all.end() ? nullptr : &*found;
}

// Takes what stands before the next dot off.
std::optional<std::string_view> take_part(std::string_view& token) noexcept {
  const std::size_t dot = token.find('.');
  if (dot == token.npos) return std::nullopt;
  const std::string_view part = token.substr(0, dot);
  token.remove_prefix(dot + 1);
  return part;
}

// Reads what has a meaning to everybody. False: it is of the wrong kind.
bool read_claims(const std::vector<json_member>& all, jwt_claims& into) {
  for (const auto& [name, text] : {std::pair{"sub", &into.subject}, {"iss", &into.issuer}}) {
    const json_member* const m = find(all, name);
    if (m == nullptr) continue;
    auto value = detail::read_json_string(m->value);
    if (!value) return false;
    *text = std::move(*value);
  }
  for (const char* name : {"exp", "nbf", "iat"})
    if (const json_member* const m = find(all, name); m != nullptr && !detail::read_json_number(m->value))
      return false;
  if (const json_member* const m = find(all, "aud"); m != nullptr) {
    if (auto one = detail::read_json_string(m->value)) into.audience.push_back(std::move(*one));
    else if (auto list = detail::read_json_strings(m->value)) into.audience = std::move(*list);
    else return false;
  }
  return true;
}

}  // namespace

const std::error_category& jwt_category() noexcept {
  static const category all;
  return all;
}
std::error_code make_error_code(jwt_error e) noexcept { return {static_cast<int>(e), jwt_category()}; }

std::optional<std::string> jwt_claims::text(std::string_view name) const {
  const auto all = detail::read_json_object(json);
  const json_member* const m = all ? find(*all, name) : nullptr;
  return m == nullptr ? std::nullopt : detail::read_json_string(m->value);
}

std::optional<double> jwt_claims::number(std::string_view name) const {
  const auto all = detail::read_json_object(json);
  const json_member* const m = all ? find(*all, name) : nullptr;
  return m == nullptr ? std::nullopt : detail::read_json_number(m->value);
}

std::string sign_jwt(const jwt_key& key, std::string_view claims) {
  check_key(key);
  WEFT_ASSERT(detail::read_json_object(claims).has_value(), "the claims of a token are a JSON object");
  const std::string header = R"({"alg":")" + std::string{name_of(key.algorithm)} + R"(","typ":"JWT"})";
  std::string token = detail::encode_base64(header, base64_alphabet::url);
  token += '.';
  token += detail::encode_base64(claims, base64_alphabet::url);
  const std::string signature = on_thread_stack([&] { return signature_of(key, token); });
  return token += '.' + detail::encode_base64(signature, base64_alphabet::url);
}

jwt_verifier::jwt_verifier(jwt_key key, jwt_options options)
    : key_{std::move(key)}, options_{std::move(options)} {
  check_key(key_);
  // OpenSSL reads its configuration here, and not at the first request.
  on_thread_stack([&] { signature_of(key_, ""); });
}

result<jwt_claims> jwt_verifier::verify(std::string_view token) const {
  return on_thread_stack([&] { return verify_here(token); });
}

result<jwt_claims> jwt_verifier::verify_here(std::string_view token) const {
  std::string_view rest = token;
  const auto header = take_part(rest);
  const auto payload = take_part(rest);
  if (!header || !payload) return std::unexpected(jwt_error::malformed);
  const auto header_json = detail::decode_base64(*header, base64_alphabet::url);
  const auto signature =
      detail::decode_base64(rest, base64_alphabet::url);  // a further dot is no letter of it
  const auto says = header_json ? detail::read_json_object(*header_json) : std::nullopt;
  if (!says || !signature || find(*says, "crit") != nullptr) return std::unexpected(jwt_error::malformed);
  const json_member* const algorithm = find(*says, "alg");
  if (algorithm == nullptr || detail::read_json_string(algorithm->value) != name_of(key_.algorithm))
    return std::unexpected(jwt_error::wrong_algorithm);
  const std::string_view signed_text = token.substr(0, header->size() + 1 + payload->size());
  if (!equals_secret(*signature, signature_of(key_, signed_text)))
    return std::unexpected(jwt_error::wrong_signature);
  auto json = detail::decode_base64(*payload, base64_alphabet::url);
  if (!json) return std::unexpected(jwt_error::malformed);
  jwt_claims claims{.json = std::move(*json)};
  const auto all = detail::read_json_object(claims.json);
  if (!all || !read_claims(*all, claims)) return std::unexpected(jwt_error::malformed);
  WEFT_TRY(check(claims));
  return claims;
}

result<void> jwt_verifier::check(const jwt_claims& claims) const {
  const auto now = static_cast<double>(options_.now != nullptr ? options_.now()
                                                               : detail::date_cache::coarse_unix_seconds());
  const auto leeway = static_cast<double>(options_.leeway.count());
  const auto expires = claims.number("exp");
  if (!expires && options_.must_expire) return std::unexpected(jwt_error::malformed);
  if (expires && now >= *expires + leeway) return std::unexpected(jwt_error::expired);
  const auto begins = claims.number("nbf");
  if (begins && now < *begins - leeway) return std::unexpected(jwt_error::not_yet_valid);
  const bool is_for_us = options_.audience.empty()
                             ? claims.audience.empty()
                             : std::ranges::count(claims.audience, options_.audience) != 0;
  if (!is_for_us) return std::unexpected(jwt_error::wrong_audience);
  if (!options_.issuer.empty() && claims.issuer != options_.issuer)
    return std::unexpected(jwt_error::wrong_issuer);
  return {};
}

}  // namespace weft::http
