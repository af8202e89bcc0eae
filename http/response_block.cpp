#include <weft/http/response_block.hpp>

#include <memory>
#include <vector>

#include <weft/http/message/date.hpp>
#include <weft/runtime/base/assert.hpp>

namespace weft::http::detail {

std::string_view connection_field(persistence how) noexcept {
  switch (how) {
    case persistence::keep: return {};
    case persistence::keep_1_0: return "Connection: keep-alive\r\n";
    case persistence::close: return "Connection: close\r\n";
  }
  return {};
}

response_block::response_block(status s, std::string_view fields, std::string_view body) : code_{s} {
  const std::string line =
      "HTTP/1.1 " + std::to_string(static_cast<int>(s)) + ' ' + std::string{reason_phrase(s)} + "\r\nDate: ";
  if (s == status::reset_content) body = {};  // it has none, but says so
  date_at_ = line.size();
  for (std::size_t i = 0; i < variants_.size(); ++i) {
    variant& v = variants_[i];
    v.text = line + std::string(date_length, ' ') + "\r\n";
    v.text += fields;
    if (!is_bodiless(s)) v.text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    v.text += connection_field(static_cast<persistence>(i));
    v.text += "\r\n";
    v.head_length = v.text.size();
    if (!is_bodiless(s)) v.text += body;
  }
}

void response_block::append_with(byte_buffer& out, std::string_view fields, persistence how, bool head_only,
                                 const char* date) const {
  const variant& v = variants_[static_cast<std::size_t>(how)];
  const auto text = std::string_view{v.text}.substr(0, length_of(how, head_only));
  const std::size_t behind = date_at_ + date_length + 2;  // the Date's line
  out.append_all(text.substr(0, date_at_), std::string_view{date, date_length}, "\r\n", fields,
                 text.substr(behind));
}

const response_block& plain_answer(status s) noexcept {
  static const auto blocks = [] {
    std::vector<std::unique_ptr<const response_block>> made(600);
    for (std::size_t code = 200; code < made.size(); ++code) {
      const auto phrase = std::string{reason_phrase(static_cast<status>(code))};
      if (phrase.empty()) continue;
      made[code] = std::make_unique<const response_block>(static_cast<status>(code),
                                                          "Content-Type: text/plain\r\n", phrase + '\n');
    }
    return made;
  }();
  const auto code = static_cast<std::size_t>(s);
  return code < blocks.size() && blocks[code] ? *blocks[code] : *blocks[500];
}

std::string_view write_plain_answer(status s, const char* date,
                                    std::span<char, plain_answer_max> room) noexcept {
  const response_block& answer = plain_answer(s);
  const std::size_t length = answer.length_of(persistence::close, false);
  WEFT_ASSERT(length <= room.size(), "the plain answers are short");
  answer.write_to(room.data(), length, persistence::close, date);
  return {room.data(), length};
}

}  // namespace weft::http::detail
