// response::hijack(), apart: it alone needs net.
#include <utility>

#include <weft/http/exchange.hpp>
#include <weft/http/response.hpp>
#include <weft/net/tcp_stream.hpp>

namespace weft::http {

result<net::tcp_stream> response::hijack(deadline until) {
  net::tcp_stream stream{-1};
  WEFT_TRY(owner_.hijack(stream, until));
  return stream;
}

}  // namespace weft::http
