#include <weft/http/middleware/recover.hpp>

#include <exception>
#include <new>

#include <weft/http/request.hpp>
#include <weft/http/response.hpp>
#include <weft/runtime/base/assert.hpp>

namespace weft::http {

recover::recover(recover_options options) : options_{std::move(options)} {
  WEFT_ASSERT(static_cast<bool>(options_.sink), "recover without a sink: nobody would hear of exceptions");
}

result<void> recover::operator()(request& q, response& s, next n) const {
  try {
    return n();
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    return failed(q, s, e.what());
  } catch (...) {  // root: of the handler; it is reported and answered 500
    return failed(q, s, "an exception that is no std::exception");
  }
}

result<void> recover::failed(request& q, response& s, std::string_view what) const {
  const detail::unique_id id = ids_->take();
  std::string report = "http: ";
  report.append(q.method()).append(" ").append(q.path()).append(": ").append(what);
  report.append(" (error ").append(id.text()).append(")");
  options_.sink(report);
  s.header(options_.field, id.text());
  return std::unexpected(status::internal_server_error);
}

}  // namespace weft::http
