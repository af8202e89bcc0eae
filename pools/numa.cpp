#include <weft/pools/numa.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>

#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <weft/runtime/base/errc.hpp>
#include <weft/runtime/base/platform.hpp>

namespace weft {
namespace detail {
namespace {

constexpr unsigned nodes_most = 1024;  // what kernels are built for
constexpr unsigned cpus_most = 1u << 16;
constexpr unsigned word_bits = 8 * sizeof(unsigned long);

std::size_t page_bytes() noexcept {
  static const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return page;
}

std::error_code last_error() noexcept { return {errno, std::system_category()}; }

std::string line_of(const std::string& path) {
  std::ifstream file{path};
  std::string line;
  std::getline(file, line);
  return line;
}

// Whether all pages of the range lie on `node`; errors as of move_pages().
result<bool> all_on_node(std::byte* begin, std::size_t bytes, unsigned node) noexcept {
  constexpr std::size_t at_once = 256;
  std::array<void*, at_once> pages;
  std::array<int, at_once> places;
  for (std::size_t at = 0; at < bytes;) {
    std::size_t count = 0;
    for (; count < at_once && at < bytes; at += page_bytes()) pages[count++] = begin + at;
    if (::syscall(SYS_move_pages, 0, count, pages.data(), nullptr, places.data(), 0) != 0)
      return std::unexpected(last_error());
    if (!std::all_of(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(count),
                     [&](int place) { return place == static_cast<int>(node); }))
      return false;
  }
  return true;
}

}  // namespace

std::vector<unsigned> parse_cpu_list(std::string_view text) {
  std::vector<unsigned> numbers;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    const char* const end = part.data() + part.size();
    unsigned first = 0;
    std::from_chars_result read = std::from_chars(part.data(), end, first);
    unsigned last = first;
    if (read.ec == std::errc{} && read.ptr != end && *read.ptr == '-')
      read = std::from_chars(read.ptr + 1, end, last);
    if (read.ec != std::errc{} || read.ptr != end || last < first || last >= cpus_most) return {};
    for (unsigned n = first; n <= last; ++n) numbers.push_back(n);
  }
  return numbers;
}

numa_topology numa_topology::read(const std::string& root) {
  numa_topology all;
  for (const unsigned id : parse_cpu_list(line_of(root + "/has_memory")))
    all.nodes.push_back({id, parse_cpu_list(line_of(root + "/node" + std::to_string(id) + "/cpulist"))});
  if (all.nodes.empty()) all.nodes.push_back({});
  return all;
}

std::size_t numa_topology::index_of_cpu(unsigned cpu) const noexcept {
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (std::ranges::find(nodes[i].cpus, cpu) != nodes[i].cpus.end()) return i;
  return 0;
}

std::error_code prefer_node(void* begin, std::size_t bytes, unsigned node) noexcept {
  if (node >= nodes_most) return std::make_error_code(std::errc::invalid_argument);
  std::array<unsigned long, nodes_most / word_bits> mask{};
  mask[node / word_bits] = 1ul << node % word_bits;
  // One more than there are bits: the kernel takes one off. Source: mbind(2), notes on maxnode.
  if (::syscall(SYS_mbind, begin, bytes, MPOL_PREFERRED, mask.data(), nodes_most + 1, 0) != 0)
    return last_error();
  return {};
}

}  // namespace detail

void node_memory::unmap::operator()(std::byte* memory) const noexcept { ::munmap(memory, size); }

// Preferred and then looked at, and not bound: a bound range on a full node does not fail, it ends processes.
result<node_memory> alloc_on_node(std::size_t bytes, unsigned node) noexcept {
  const std::size_t page = detail::page_bytes();
  if (bytes == 0 || bytes > SIZE_MAX - page)
    return std::unexpected(std::make_error_code(std::errc::invalid_argument));
  const std::size_t size = (bytes + page - 1) / page * page;
  void* const at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return std::unexpected(detail::last_error());
  node_memory made{static_cast<std::byte*>(at), size, node};
  if (const std::error_code error = detail::prefer_node(at, size, node)) return std::unexpected(error);
  for (std::size_t i = 0; i < size; i += page)
    static_cast<volatile std::byte*>(at)[i] = std::byte{0};  // volatile: the page is what counts
  if (!WEFT_TRY(detail::all_on_node(made.data(), size, node))) return std::unexpected(errc::limit);
  return made;
}

result<unsigned> node_of(const void* address) noexcept {
  const auto page = reinterpret_cast<std::uintptr_t>(address) / detail::page_bytes() * detail::page_bytes();
  auto* at = reinterpret_cast<void*>(page);
  int place = 0;
  if (::syscall(SYS_move_pages, 0, 1ul, &at, nullptr, &place, 0) != 0)
    return std::unexpected(detail::last_error());
  if (place < 0) return std::unexpected(std::error_code{-place, std::system_category()});
  return static_cast<unsigned>(place);
}

unsigned numa_nodes() noexcept {
  static const auto count = static_cast<unsigned>(detail::numa_topology::read().nodes.size());
  return count;
}

}  // namespace weft
