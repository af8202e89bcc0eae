#include <weft/http/files/static_files.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <span>
#include <utility>

#include <fcntl.h>
#include <linux/openat2.h>

#include <weft/http/cache/sieve_cache.hpp>
#include <weft/http/coding/accept_encoding.hpp>
#include <weft/http/field_list.hpp>
#include <weft/http/files/directory_listing.hpp>
#include <weft/http/files/mime.hpp>
#include <weft/http/files/open_file.hpp>
#include <weft/http/files/served_file.hpp>
#include <weft/http/message/date.hpp>
#include <weft/http/message/field_text.hpp>
#include <weft/http/message/status.hpp>
#include <weft/http/per_worker.hpp>
#include <weft/http/request.hpp>
#include <weft/http/response.hpp>
#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/clock.hpp>

namespace weft::http {
namespace {

using namespace std::string_view_literals;
using detail::served_file;

constexpr std::size_t files_in_memory_max = 4096;

// Of a directory's listing, which makes some 2 MB. A guess: more than anybody reads.
constexpr std::size_t listed_max = 10'000;

struct coding {
  std::string_view name, extension;
};
constexpr coding codings[] = {{"br", ".br"}, {"zstd", ".zst"}, {"gzip", ".gz"}};  // the best first

// The codings that a client takes, what it wants most first: indices of `codings`.
std::string accepted_codings(const request& q) {
  const detail::field_list accepted{q, "accept-encoding"};
  const std::string_view field = accepted.text().value_or(""sv);
  struct choice {
    int weight;
    std::size_t index;
  };
  std::array<choice, std::size(codings)> choices{};
  for (std::size_t i = 0; i < choices.size(); ++i)
    choices[i] = {detail::coding_weight(field, codings[i].name), i};
  std::ranges::sort(choices, [](choice a, choice b) {
    return a.weight != b.weight ? a.weight > b.weight : a.index < b.index;
  });
  std::string wanted;
  for (const choice c : choices)
    if (c.weight != 0) wanted += static_cast<char>(c.index);
  return wanted;
}

// Whether the part of a target before its query has a slash that separates nothing.
bool has_encoded_slash(std::string_view target) noexcept {
  const std::string_view path = target.substr(0, target.find('?'));
  return path.find("%2f") != path.npos || path.find("%2F") != path.npos;
}

// Whether each name in a path is one that a file can have, and may be served; a slash may be last.
bool may_be_served(std::string_view path, bool hidden) noexcept {
  for (bool first = true; !path.empty(); first = false) {
    const std::string_view name = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), name.size() + 1));
    if (name.empty() || name == "." || name == ".." || name.find('\0') != name.npos) return false;
    if (name.starts_with('.') && !hidden && !(first && name == ".well-known")) return false;
  }
  return true;
}

// What the client learns of it: all that only says that there is no such file is the same, and EXDEV says
// that a link leads out of the directory.
std::error_code answer_of(const std::error_code& error) noexcept {
  if (error.category() != std::system_category()) return error;
  switch (error.value()) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case EXDEV:
    case ENAMETOOLONG:
    case ENXIO: return status::not_found;
    case EACCES: return status::forbidden;
    case EMFILE:
    case ENFILE:
    case EAGAIN: return status::service_unavailable;  // EAGAIN: names changed while the kernel followed them
    default: return error;
  }
}

// Where the client is to go for a directory: relative to where it is, since what it sees as the path before
// may not be ours, and since a path that begins with two slashes is another host when it stands alone.
std::string with_slash(std::string_view target) {
  const std::size_t query = target.find('?');
  const std::string_view path = target.substr(0, query);
  std::string there{"./"};
  there.append(path.substr(path.rfind('/') + 1)).append("/");
  if (query != target.npos) there.append(target.substr(query));
  return there;
}

}  // namespace

struct static_files::state {
  // What one worker has in memory.
  struct part {
    struct kept {
      std::shared_ptr<const served_file> file;
      std::int64_t looked_at = 0;
    };

    explicit part(std::size_t bytes) noexcept : files{files_in_memory_max, bytes} {}

    detail::sieve_cache<kept> files;
    std::shared_ptr<io::file> root;
    std::int64_t root_opened = 0;
  };

  // Of a path: a file, with its descriptor if its bytes are not in memory; or a directory.
  struct found {
    std::shared_ptr<const served_file> file{};  // null: a directory
    io::file opened{};
  };
  struct opened_file {
    io::file file;
    struct ::statx status{};
    const coding* as = nullptr;  // null: as it is
  };

  state(std::string r, static_files_options o) : root{std::move(r)}, options{std::move(o)} {
    const std::string_view control = options.cache_control;
    WEFT_ASSERT(detail::is_field_value(control), "Cache-Control cannot hold control characters");
    if (!control.empty()) fields.append("Cache-Control: ").append(control).append("\r\n");
    if (options.precompressed) fields.append("Vary: Accept-Encoding\r\n");
  }

  result<void> serve(request& q, response& s, std::string_view path);
  result<void> list(part& here, response& s, std::string_view path, std::string_view title);
  result<found> find(part& here, const std::string& path, std::string_view wanted);
  result<opened_file> open(part& here, const std::string& path, std::string_view wanted);
  result<opened_file> open_one(const io::file& below, const std::string& path, int flags = 0);
  result<std::shared_ptr<io::file>> open_root(part& here);

  const std::string root;
  const static_files_options options;
  std::string fields;
  detail::per_worker<part> parts;
};

// The directory that all paths are below of. It is opened anew now and then: who replaces what is served as a
// whole, by one rename, expects that it is.
result<std::shared_ptr<io::file>> static_files::state::open_root(part& here) {
  const std::int64_t now = weft::detail::steady_ns();
  if (here.root != nullptr && now - here.root_opened < options.trusted.count()) return here.root;
  here.root_opened = now;  // others take the old one meanwhile
  auto opened = detail::open_file(root, O_PATH | O_DIRECTORY, {});
  here.root = nullptr;
  if (!opened) return std::unexpected(opened.error());
  here.root = std::make_shared<io::file>(*std::move(opened));
  return here.root;
}

// Not waiting for whoever would write to a pipe, nor taking a terminal.
result<static_files::state::opened_file> static_files::state::open_one(const io::file& below,
                                                                       const std::string& path, int flags) {
  auto opened = detail::open_file(
      path, O_RDONLY | O_NONBLOCK | O_NOCTTY | flags,
      {.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS, .directory = below.native_handle()});
  if (!opened) return std::unexpected(answer_of(opened.error()));
  const struct ::statx status = WEFT_TRY(detail::status_of_file(*opened));
  return opened_file{*std::move(opened), status};
}

// The file itself, or what of its precompressed siblings is wanted most.
result<static_files::state::opened_file> static_files::state::open(part& here, const std::string& path,
                                                                   std::string_view wanted) {
  const std::shared_ptr<io::file> below = WEFT_TRY(open_root(here));
  opened_file plain = WEFT_TRY(open_one(*below, path));
  if (!S_ISREG(plain.status.stx_mode)) return plain;
  const auto changed = [](const opened_file& f) {
    return std::pair{f.status.stx_mtime.tv_sec, f.status.stx_mtime.tv_nsec};
  };
  for (const char which : wanted) {
    const coding& c = codings[static_cast<unsigned char>(which)];
    auto sibling = open_one(*below, path + std::string{c.extension});
    if (!sibling || !S_ISREG(sibling->status.stx_mode) || changed(*sibling) < changed(plain)) continue;
    sibling->as = &c;
    return sibling;
  }
  return plain;
}

result<static_files::state::found> static_files::state::find(part& here, const std::string& path,
                                                             std::string_view wanted) {
  std::string key = path + '\0';
  key += wanted;
  const std::int64_t now = weft::detail::steady_ns();
  std::shared_ptr<const served_file> known;
  if (part::kept* const kept = here.files.find(key)) {
    if (now - kept->looked_at < options.trusted.count()) return found{kept->file};
    kept->looked_at = now;  // others trust it meanwhile
    known = kept->file;
  }
  auto opened = open(here, path, wanted);
  if (opened && known && known->is(opened->status)) return found{std::move(known)};
  if (known) here.files.erase(key);
  if (!opened) return std::unexpected(opened.error());
  if (S_ISDIR(opened->status.stx_mode)) return found{};
  if (!S_ISREG(opened->status.stx_mode)) return std::unexpected(status::not_found);

  const std::int64_t seconds = detail::date_cache::coarse_unix_seconds();
  const std::string_view coded = opened->as != nullptr ? opened->as->name : ""sv;
  auto file = std::make_shared<served_file>(opened->status, mime_type(path), coded, fields, seconds);
  if (file->size > options.small_file_max) return found{std::move(file), std::move(opened->file)};
  std::string content(file->size, '\0');
  WEFT_TRY(opened->file.pread_exactly(std::as_writable_bytes(std::span{content}), 0));
  file->content = std::make_shared<const std::string>(std::move(content));
  // Of what changes now, a later version may look the same.
  if (!detail::may_change_unseen(file->modified, seconds)) here.files.insert(key, {file, now}, file->bytes());
  return found{std::move(file)};
}

result<void> static_files::state::serve(request& q, response& s, std::string_view path) {
  part& here = parts.here([this] { return std::make_unique<part>(options.memory); });
  const std::string wanted = options.precompressed ? accepted_codings(q) : std::string{};
  const auto send = [&](found& f) { return detail::file_answer{q, s}.send(*f.file, f.opened); };
  if (!path.empty() && !path.ends_with('/')) {
    found f = WEFT_TRY(find(here, std::string{path}, wanted));
    if (f.file != nullptr) return send(f);
    s.status(status::moved_permanently).header("Location", with_slash(q.target()));
    return {};
  }
  for (const std::string& name : options.index) {
    auto f = find(here, std::string{path} + name, wanted);
    if (f && f->file != nullptr) return send(*f);
    if (!f && f.error() != status::not_found) return std::unexpected(f.error());
  }
  if (!options.listing) return std::unexpected(status::not_found);
  return list(here, s, path, q.path());
}

result<void> static_files::state::list(part& here, response& s, std::string_view path,
                                       std::string_view title) {
  const std::shared_ptr<io::file> below = WEFT_TRY(open_root(here));
  const opened_file directory =
      WEFT_TRY(open_one(*below, path.empty() ? "." : std::string{path}, O_DIRECTORY));
  // By the descriptor, since what its name leads to may have changed.
  auto entries = WEFT_TRY(io::list_directory(
      "/proc/self/fd/" + std::to_string(directory.file.native_handle()), {}, listed_max + 1));
  const bool whole = entries.size() <= listed_max;
  if (!whole) entries.pop_back();
  if (!options.hidden)
    std::erase_if(entries, [](const io::directory_entry& e) { return e.name.starts_with('.'); });
  s.body(detail::directory_listing(title, std::move(entries), !path.empty(), whole),
         "text/html; charset=utf-8");
  return {};
}

static_files::static_files(std::string root, static_files_options options)
    : state_{std::make_unique<state>(std::move(root), std::move(options))} {}
static_files::static_files(static_files&&) noexcept = default;
static_files& static_files::operator=(static_files&&) noexcept = default;
static_files::~static_files() = default;

result<void> static_files::operator()(request& q, response& s) const {
  if (q.method() != "GET" && q.method() != "HEAD") {
    s.status(status::method_not_allowed).header("Allow", "GET, HEAD").text("Method Not Allowed\n");
    return {};
  }
  const std::string_view path = q.param(state_->options.parameter);
  // What cannot be decoded reads as nothing, which must not become the index.
  const bool undecodable = path.empty() && !q.path().ends_with('/');
  if (undecodable || has_encoded_slash(q.target()) || !may_be_served(path, state_->options.hidden))
    return std::unexpected(status::not_found);
  return state_->serve(q, s, path);
}

}  // namespace weft::http
