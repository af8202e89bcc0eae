// What http_parser, the parser that Node.js had for ten years, makes of a request that weft accepts.
//
// weft is the stricter one: what it accepts, any sound parser must read in the same way, or the two are a
// pair through which requests can be smuggled. What weft refuses is not compared. Source:
// github.com/nodejs/http-parser, 2.9.4.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <http_parser.h>

#include <weft/http/message/ascii.hpp>
#include <weft/http/message/chunk_decoder.hpp>
#include <weft/http/message/field_text.hpp>
#include <weft/http/message/request_parser.hpp>

class second_opinion {
 public:
  struct field {
    std::string name;
    std::string value;
  };

  second_opinion() noexcept {
    http_parser_init(&parser_, HTTP_REQUEST);
    parser_.data = this;
  }
  second_opinion(const second_opinion&) = delete;
  second_opinion& operator=(const second_opinion&) = delete;

  /// Goes on with the next bytes of the request.
  void read(std::string_view bytes) {
    static const http_parser_settings settings = make_settings();
    if (parser_.http_errno == HPE_OK && !bytes.empty())
      http_parser_execute(&parser_, &settings, bytes.data(), bytes.size());
  }

  const char* error() const noexcept {
    return parser_.http_errno == HPE_OK ? nullptr : http_errno_name(HTTP_PARSER_ERRNO(&parser_));
  }

  bool has_error(http_errno which) const noexcept { return HTTP_PARSER_ERRNO(&parser_) == which; }

  bool has_head = false;  // read to its end, and so has
  bool ended = false;     // the whole request
  unsigned flags = 0;     // F_..., of the head
  std::uint64_t content_length = 0;
  unsigned major = 0;
  unsigned minor = 0;
  std::string method;
  std::string target;
  std::vector<field> fields;
  std::string body;

 private:
  template <auto Add>
  static int take(http_parser* p, const char* at, std::size_t length) {
    (static_cast<second_opinion*>(p->data)->*Add)({at, length});
    return 0;
  }

  void add_target(std::string_view text) { target += text; }
  void add_body(std::string_view text) { body += text; }
  void add_name(std::string_view text) {
    if (has_head) return;  // a trailer
    if (!in_name_) fields.emplace_back();
    in_name_ = true;
    fields.back().name += text;
  }
  void add_value(std::string_view text) {
    if (has_head) return;
    in_name_ = false;
    fields.back().value += text;
  }

  static int end_head(http_parser* p) {
    auto& self = *static_cast<second_opinion*>(p->data);
    self.has_head = true;
    self.flags = p->flags;
    self.content_length = p->content_length;
    self.major = p->http_major;
    self.minor = p->http_minor;
    self.method = http_method_str(static_cast<http_method>(p->method));
    return 0;
  }
  static int end_request(http_parser* p) {
    static_cast<second_opinion*>(p->data)->ended = true;
    return 0;
  }

  static http_parser_settings make_settings() noexcept {
    http_parser_settings s;
    http_parser_settings_init(&s);
    s.on_url = take<&second_opinion::add_target>;
    s.on_header_field = take<&second_opinion::add_name>;
    s.on_header_value = take<&second_opinion::add_value>;
    s.on_body = take<&second_opinion::add_body>;
    s.on_headers_complete = end_head;
    s.on_message_complete = end_request;
    return s;
  }

  http_parser parser_{};
  bool in_name_ = false;
};

namespace opinions {

using weft::http::detail::chunk_decoder;
using weft::http::detail::request_head;

// http_parser has a list of methods; weft answers 501 to those of them that it does not know.
inline bool is_known_method(std::string_view name) noexcept {
  constexpr std::string_view known[] = {
#define WEFT_METHOD_TEXT(number, name, text) #text,
      HTTP_METHOD_MAP(WEFT_METHOD_TEXT)
#undef WEFT_METHOD_TEXT
  };
  return std::ranges::find(known, name) != std::end(known);
}

inline bool has_field(const request_head& head, auto has) noexcept {
  for (std::size_t i = 0; i < head.field_count; ++i)
    if (has(head.text(head.fields[i].name))) return true;
  return false;
}

/// Whether http_parser takes a field for Transfer-Encoding whose name only begins so: a defect of 2.9.4.
inline bool mistakes_transfer_encoding(const request_head& head) noexcept {
  constexpr std::string_view begins = "transfer-encoding";
  return has_field(head, [&](std::string_view name) {
    return name.size() > begins.size() &&
           weft::http::detail::equals_ignoring_case(name.substr(0, begins.size()), begins);
  });
}

/// Whether http_parser has read Proxy-Connection as Connection. RFC 9112, appendix C.2.2, would have it
/// ignored.
inline bool mistakes_connection(const request_head& head) noexcept {
  return head.find("proxy-connection").has_value();
}

/// Whether a tab stands behind the value: space as any other by RFC 9110, section 5.6.3, but not to
/// http_parser.
inline bool has_tab_behind(const request_head& head, weft::http::detail::slice value) noexcept {
  const std::string_view behind{head.base + value.at + value.length, head.base + head.length};
  return behind.substr(0, behind.find('\r')).contains('\t');
}

/// Whether http_parser refuses the framing for such a tab.
inline bool refuses_tab(const request_head& head) noexcept {
  using weft::http::detail::known_field;
  for (std::size_t i = 0; i < head.field_count; ++i) {
    const auto [name, value, known] = head.fields[i];
    if (known != known_field::content_length && known != known_field::transfer_encoding) continue;
    if (has_tab_behind(head, value)) return true;
  }
  return false;
}

inline bool only_begins_known_option(std::string_view option) noexcept {
  constexpr std::string_view known[] = {"close", "keep-alive", "upgrade"};
  return std::ranges::any_of(known, [&](std::string_view word) {
    return option.size() < word.size() &&
           weft::http::detail::equals_ignoring_case(option, word.substr(0, option.size()));
  });
}

/// Whether http_parser may have missed an option of Connection. It gives a list up at an empty element, which
/// RFC 9110, section 5.6.1, would have it skip; at one that is no token or begins with an underscore (which
/// its lower case makes DEL); and at a tab behind an option. And it takes the comma behind the beginning of a
/// word that it knows for a part of it.
inline bool may_miss_options(const request_head& head) {
  bool misses = false;
  for (std::size_t i = 0; i < head.field_count; ++i) {
    if (head.fields[i].known != weft::http::detail::known_field::connection) continue;
    const std::string_view list = head.text(head.fields[i].value);
    misses = misses || list.contains('\t') || has_tab_behind(head, head.fields[i].value);
    weft::http::detail::for_each_element(list, [&](std::string_view option) {
      misses = misses || only_begins_known_option(option) || option.starts_with('_') ||
               !weft::http::detail::is_field_name(option);
    });
  }
  return misses;
}

/// Whether http_parser accepts it as far as is known; each of the reasons is one of its own.
inline bool is_comparable(const request_head& head) noexcept {
  return is_known_method(head.method_text()) && !mistakes_transfer_encoding(head) && !refuses_tab(head);
}

inline std::string compare_fields(const request_head& head, const second_opinion& other) {
  if (other.fields.size() != head.field_count) return "the number of fields";
  for (std::size_t i = 0; i < head.field_count; ++i) {
    const auto [name, value, known] = head.fields[i];
    if (other.fields[i].name != head.text(name)) return "a field's name";
    // http_parser leaves the space behind a value to its user.
    if (weft::http::detail::trimmed(other.fields[i].value) != head.text(value)) return "a field's value";
  }
  return {};
}

inline std::string compare_heads(const request_head& head, const second_opinion& other) {
  const auto says = [&](unsigned flag) { return (other.flags & flag) != 0; };
  const auto differs = [&](unsigned flag, bool said) {
    if (says(flag) == said || mistakes_connection(head)) return false;
    return !said || !may_miss_options(head);
  };
  if (other.method != head.method_text()) return "the method";
  if (other.target != head.target_text()) return "the target";
  if (other.major != 1 || std::min(other.minor, 1U) != head.minor_version) return "the version";
  if (says(F_CONTENTLENGTH) != head.has_content_length) return "whether there is a Content-Length";
  if (head.has_content_length && other.content_length != head.content_length) return "the Content-Length";
  if (says(F_CHUNKED) != head.chunked) return "whether the body is chunked";
  if (differs(F_CONNECTION_CLOSE, head.says_close)) return "Connection: close";
  if (differs(F_CONNECTION_KEEP_ALIVE, head.says_keep_alive)) return "Connection: keep-alive";
  return compare_fields(head, other);
}

struct whole_body {
  bool complete;
  std::size_t length;  // of its bytes, as sent
  std::string text;
};

inline whole_body read_body(const request_head& head, std::string_view rest) {
  if (!head.chunked) {
    const auto text = rest.substr(0, head.content_length);
    return {text.size() == head.content_length, text.size(), std::string{text}};
  }
  chunk_decoder decoder;
  whole_body got{.complete = false, .length = 0, .text = {}};
  while (got.length < rest.size()) {
    const auto piece = decoder.next(rest.substr(got.length));
    got.length += piece.consumed;
    got.text += piece.data;
    got.complete = piece.what == chunk_decoder::outcome::done;
    if (got.complete || piece.what == chunk_decoder::outcome::failed) break;
  }
  return got;
}

}  // namespace opinions

/// What http_parser reads differently in a request whose head weft accepts, and in its body if it is whole;
/// empty: nothing, or weft refuses it.
inline std::string disagreement(std::string_view bytes) {
  weft::http::detail::request_parser parser;
  weft::http::detail::request_head head;
  if (parser.parse(bytes, head) != weft::http::detail::parse_outcome::complete) return {};
  if (!opinions::is_comparable(head)) return {};
  second_opinion other;
  other.read(bytes.substr(0, head.length - 1U));
  if (other.has_head) return "the end of the head, which comes sooner";
  other.read(bytes.substr(head.length - 1U, 1));
  if (other.error() != nullptr) return other.error();
  if (!other.has_head) return "the end of the head, which comes later";
  if (std::string what = opinions::compare_heads(head, other); !what.empty()) return what;

  const opinions::whole_body body = opinions::read_body(head, bytes.substr(head.length));
  if (!body.complete) return {};
  // RFC 9112, section 7.1.1, allows a tab between the size of a chunk and its extensions.
  const bool may_refuse_size = head.chunked && bytes.substr(head.length, body.length).contains('\t');
  if (body.length != 0) {
    other.read(bytes.substr(head.length, body.length - 1));
    if (other.ended) return "the end of the body, which comes sooner";
    other.read(bytes.substr(head.length + body.length - 1, 1));
  }
  if (may_refuse_size && other.has_error(HPE_INVALID_CHUNK_SIZE)) return {};
  if (other.error() != nullptr) return std::string{other.error()} + " in the body";
  if (!other.ended) return "the end of the body, which comes later";
  return other.body == body.text ? std::string{} : "the body";
}
