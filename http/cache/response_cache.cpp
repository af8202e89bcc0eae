#include <weft/http/cache/response_cache.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

#include <weft/http/cache/cache_key.hpp>
#include <weft/http/cache/response_store.hpp>
#include <weft/http/exchange.hpp>
#include <weft/http/message/cache_control.hpp>
#include <weft/http/message/date.hpp>
#include <weft/http/message/number_text.hpp>
#include <weft/http/request_conditions.hpp>
#include <weft/runtime/base/errc.hpp>

namespace weft::http {
namespace detail {
namespace {

using std::chrono::nanoseconds;

// For how long nobody waits for what turned out not to be stored. A guess: as long as a user waits.
constexpr nanoseconds refusal_lasts = std::chrono::seconds{1};

// The part of a key that is the values of the fields in `names`, each with a comma behind it.
void append_values(std::string& key, const request& q, std::string_view names) {
  (key += '\0') += '\0';
  key.append(names) += '\0';
  while (!names.empty()) {
    const std::size_t comma = names.find(',');
    if (const auto value = q.header(names.substr(0, comma))) key.append("=").append(*value);
    key += '\0';
    names.remove_prefix(comma + 1);
  }
}

}  // namespace

cache_visit::~cache_visit() {
  if (flight_) land(landing::lost);  // the handler has thrown
}

// What the request is to the cache.
void cache_visit::classify() {
  const std::string_view method = request_.method();
  const bool gets = method == "GET";
  if (!gets && method != "HEAD") {
    kind_ = method == "OPTIONS" || method == "TRACE" ? kind::passes : kind::writes;
    return;
  }
  cache_control wishes;
  if (const auto field = request_.header("cache-control")) wishes.add(*field);
  if (wishes.no_store || request_.header("range")) return;
  kind_ = kind::reads;
  has_credentials_ = request_.header("authorization") || request_.header("cookie");
  alone_ = has_credentials_ || !gets;
}

result<bool> cache_visit::enter() {
  part_ = &store_.here();
  mark_ = response_.fields_.size();
  classify();
  if (kind_ != kind::passes)
    key_ = cache_key(request_.header("host").value_or(std::string_view{}), request_.target());
  if (kind_ == kind::reads) return find_or_wait();
  cache_part::count(part_->passes);
  return false;
}

result<bool> cache_visit::find_or_wait() {
  for (bool waited = false;;) {
    epoch_ = store_.epoch_of(path_of_key(key_));
    if (cache_slot* const slot = find(); slot != nullptr && is_good(*slot)) {
      if (slot->response == nullptr) {
        alone_ = true;
      } else if (!has_credentials_ || slot->response->for_all) {
        cache_part::count(part_->hits);
        response_.owner_.count_cache_hit();
        const std::shared_ptr<const stored_response> kept = slot->response;
        const auto age =
            std::chrono::duration_cast<std::chrono::seconds>(nanoseconds{store_.clock() - slot->stored});
        WEFT_TRY(answer(*kept));
        std::string field{"Age: "};
        field.append(number_text{static_cast<std::uint64_t>(age.count())}).append("\r\n");
        response_.add_fields(field);
        return true;
      }
    }
    if (alone_) break;
    const auto under_way = part_->flights.find(full_key_);
    if (under_way == part_->flights.end()) {
      flight_key_.assign(full_key_.data(), full_key_.size());
      flight_ = std::make_shared<cache_flight>();
      part_->flights.emplace(flight_key_, flight_);
      break;
    }
    const std::shared_ptr<cache_flight> others = under_way->second;
    if (!std::exchange(waited, true)) cache_part::count(part_->waits);
    WEFT_TRY(others->landed.wait());
    if (others->failure) return std::unexpected(others->failure);
    alone_ = others->refused;
  }
  cache_part::count(part_->misses);
  response_.owner_.count_cache_miss();
  return false;
}

// What stands under the key; sets the full one.
cache_slot* cache_visit::find() {
  full_key_.assign(key_.data(), key_.size());  // std's own assignment, emitted here, would be gtest's too
  cache_slot* const slot = part_->slots.find(key_);
  if (slot == nullptr || slot->vary.empty()) return slot;
  append_values(full_key_, request_, slot->vary);
  return part_->slots.find(full_key_);
}

bool cache_visit::is_good(const cache_slot& slot) const noexcept {
  return slot.epoch == epoch_ && store_.clock() < slot.good_until;
}

// Makes the response of a stored one. Conditions are for what succeeds: RFC 9110, section 13.2.1.
result<void> cache_visit::answer(const stored_response& r) {
  const validators v{.etag = r.etag, .modified = r.modified, .now = date_cache::coarse_unix_seconds()};
  const auto code = static_cast<int>(r.code);
  if (code >= 200 && code < 300) {
    switch (evaluate(request_conditions{request_}.fields(), v, /*reads=*/true)) {
      case condition_answer::precondition_failed: return std::unexpected(status::precondition_failed);
      case condition_answer::not_modified:
        response_.status(status::not_modified);
        response_.add_fields(r.kept_fields);
        return {};
      case condition_answer::go_on: break;
    }
  }
  response_.status(r.code);
  response_.add_fields(r.fields);
  if (!r.type.empty()) response_.header("Content-Type", r.type);
  response_.share_body(r.body);
  return {};
}

// The response as the handler has made it, its body now shared; null: it is of a kind that is not stored.
std::shared_ptr<const stored_response> cache_visit::take_response() {
  response& s = response_;
  if (s.streaming_ || !s.is_sound() || s.answer_ || !s.trailers_.empty() || s.plain_ != nullptr ||
      s.length_ || s.fields_.size() < mark_ || s.body_text().size() > store_.options.body_max)
    return nullptr;
  const std::string_view fields = s.fields_.text().substr(mark_);
  const std::int64_t now = date_cache::coarse_unix_seconds();
  const terms_of_storing terms = read_terms(s.status_, fields, store_.options.ttl, now);
  if (terms.fresh_for.count() == 0 || (has_credentials_ && !terms.for_all)) return nullptr;
  auto body = s.shared_ ? s.shared_ : std::make_shared<const std::string>(s.body_text());
  auto made =
      std::make_shared<stored_response>(s.status_, s.content_type_.text(), fields, std::move(body), now);
  made->for_all = terms.for_all;
  cache_slot slot{.response = made, .stored = store_.clock(), .epoch = epoch_};
  slot.good_until = slot.stored + nanoseconds{terms.fresh_for}.count();
  full_key_.assign(key_.data(), key_.size());
  if (!terms.vary.empty()) {
    append_values(full_key_, request_, terms.vary);
    part_->slots.insert(key_, {.vary = terms.vary}, terms.vary.size());
  }
  if (!part_->slots.insert(full_key_, std::move(slot), made->bytes())) return nullptr;
  return made;
}

// Stores the response, and makes it anew from what was stored: with its ETag, and 304 where that is due.
result<bool> cache_visit::store() {
  const std::shared_ptr<const stored_response> made = take_response();
  if (!made) return false;
  cache_part::count(part_->stores);
  part_->evictions.store(part_->slots.evictions(), std::memory_order_relaxed);
  response_.fields_.shrink(mark_);
  response_.content_type_.clear();
  response_.release();
  land(landing::stored);
  WEFT_TRY(answer(*made));
  return true;
}

result<void> cache_visit::leave(result<void> outcome) {
  if (kind_ == kind::passes) return outcome;
  if (kind_ == kind::writes) {
    if (outcome && static_cast<int>(response_.status_) < 400) store_.forget(path_of_key(key_));
    return outcome;
  }
  if (!outcome) {
    // What is this request's own fate says nothing of the next one's.
    const std::error_code& why = outcome.error();
    if (why == errc::canceled || why == errc::deadline_exceeded) land(landing::lost);
    else if (static_cast<int>(status_of(why)) >= 500) land(landing::failed, why);
    else land(landing::refused);
    return outcome;
  }
  if (request_.method() == "HEAD" || WEFT_TRY(store())) return {};
  land(landing::refused);
  return {};
}

void cache_visit::land(landing how, std::error_code why) {
  const std::shared_ptr<cache_flight> mine = std::exchange(flight_, nullptr);
  if (!mine) return;
  part_->flights.erase(flight_key_);
  mine->refused = how == landing::refused;
  mine->failure = why;
  mine->landed.set();  // before what may throw; who waits runs later
  if (mine->refused) {
    cache_slot nobody_waits{.epoch = epoch_};
    nobody_waits.good_until = store_.clock() + refusal_lasts.count();
    part_->slots.insert(flight_key_, std::move(nobody_waits), 0);
  }
}

}  // namespace detail

response_cache::response_cache(response_cache_options options, std::int64_t (*clock)() noexcept)
    : store_{std::make_shared<detail::response_store>(options, clock)} {}

void response_cache::clear() const noexcept { store_->forget_all(); }

response_cache_statistics response_cache::statistics() const noexcept {
  response_cache_statistics sum;
  store_->parts.for_each([&](const detail::cache_part& p) {
    sum.hits += p.hits.load(std::memory_order_relaxed);
    sum.misses += p.misses.load(std::memory_order_relaxed);
    sum.waits += p.waits.load(std::memory_order_relaxed);
    sum.passes += p.passes.load(std::memory_order_relaxed);
    sum.stores += p.stores.load(std::memory_order_relaxed);
    sum.evictions += p.evictions.load(std::memory_order_relaxed);
  });
  return sum;
}

}  // namespace weft::http
