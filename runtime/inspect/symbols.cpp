#include <weft/runtime/inspect/symbols.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <vector>

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <unistd.h>

namespace weft {
namespace {

constexpr const char* this_program = "/proc/self/exe";

using elf_header = ElfW(Ehdr);
using elf_section = ElfW(Shdr);
using elf_symbol = ElfW(Sym);

// A file that may be anything: every read is checked. Read, not mapped: a file that is cut off meanwhile
// raises no signal.
class elf_file {
 public:
  explicit elf_file(const char* path) noexcept : file_{::open(path, O_RDONLY | O_CLOEXEC)} {}
  elf_file(const elf_file&) = delete;
  elf_file& operator=(const elf_file&) = delete;
  ~elf_file() {
    if (file_ >= 0) ::close(file_);
  }

  /// `count` things at `offset`; none if the file is shorter.
  template <class T>
  std::vector<T> read(std::uint64_t offset, std::uint64_t count) const {
    constexpr std::uint64_t bytes_max = std::uint64_t{1} << 30;  // a symbol table of that size: a guess
    if (file_ < 0 || count > bytes_max / sizeof(T)) return {};
    std::vector<T> out(static_cast<std::size_t>(count));
    auto* const bytes = reinterpret_cast<char*>(out.data());
    const std::size_t size = out.size() * sizeof(T);
    for (std::size_t done = 0; done < size;) {
      const ssize_t n = ::pread(file_, bytes + done, size - done, static_cast<off_t>(offset + done));
      if (n <= 0) return {};
      done += static_cast<std::size_t>(n);
    }
    return out;
  }

 private:
  int file_;
};

std::vector<elf_section> sections_of(const elf_file& file) {
  const auto header = file.read<elf_header>(0, 1);
  if (header.empty() || !std::equal(ELFMAG, &ELFMAG[SELFMAG], header[0].e_ident) ||
      header[0].e_shentsize != sizeof(elf_section))
    return {};
  return file.read<elf_section>(header[0].e_shoff, header[0].e_shnum);
}

std::string demangled(const char* name) {
  int status = 0;
  char* const text = abi::__cxa_demangle(name, nullptr, nullptr, &status);
  if (text == nullptr) return name;
  std::string out{text};
  std::free(text);
  return out;
}

std::string hexadecimal(std::uintptr_t value) {
  char digits[16];
  return {digits, std::to_chars(digits, digits + sizeof digits, value, 16).ptr};
}

}  // namespace

/// The functions of one file, by their address in it.
class symbolizer::module_symbols {
 public:
  explicit module_symbols(const char* path) {
    const elf_file file{path};
    const std::vector<elf_section> sections = sections_of(file);
    for (const unsigned type : {unsigned{SHT_SYMTAB}, unsigned{SHT_DYNSYM}}) {
      for (const elf_section& s : sections)
        if (s.sh_type == type && s.sh_entsize == sizeof(elf_symbol) && s.sh_link < sections.size())
          add(file, s, sections[s.sh_link]);
      if (!functions_.empty()) break;
    }
    std::ranges::sort(functions_, {}, &function::begin);
  }

  struct found {
    const char* name;
    std::uintptr_t into;
  };
  std::optional<found> find(std::uintptr_t address) const {
    auto at = std::ranges::upper_bound(functions_, address, {}, &function::begin);
    if (at == functions_.begin()) return std::nullopt;
    --at;
    const std::uintptr_t into = address - at->begin;
    if (at->size != 0 && into >= at->size) return std::nullopt;
    return found{names_.data() + at->name, into};
  }

 private:
  struct function {
    std::uintptr_t begin;
    std::size_t size;
    std::size_t name;  // where it begins in names_
  };

  void add(const elf_file& file, const elf_section& table, const elf_section& strings) {
    std::vector<char> text = file.read<char>(strings.sh_offset, strings.sh_size);
    if (text.empty()) return;
    text.back() = '\0';
    const std::size_t first_name = names_.size();
    const std::vector<elf_symbol> symbols =
        file.read<elf_symbol>(table.sh_offset, table.sh_size / sizeof(elf_symbol));
    functions_.reserve(functions_.size() + symbols.size());
    for (const elf_symbol& s : symbols) {
      const unsigned type = s.st_info & 15u;  // ELF64_ST_TYPE, and ELF32's
      if ((type != STT_FUNC && type != STT_GNU_IFUNC) || s.st_shndx == SHN_UNDEF || s.st_name >= text.size())
        continue;
      functions_.push_back({s.st_value, static_cast<std::size_t>(s.st_size), first_name + s.st_name});
    }
    names_.insert(names_.end(), text.begin(), text.end());
  }

  std::vector<function> functions_;
  std::vector<char> names_;
};

symbolizer::symbolizer() = default;
symbolizer::~symbolizer() = default;

const code_place& symbolizer::find(std::uintptr_t address) {
  const auto [at, fresh] = known_.try_emplace(address);
  code_place& place = at->second;
  if (!fresh) return place;
  Dl_info info{};
  link_map* object = nullptr;
  if (::dladdr1(reinterpret_cast<void*>(address), &info, reinterpret_cast<void**>(&object),
                RTLD_DL_LINKMAP) == 0 ||
      object == nullptr)
    return place;
  const bool named = object->l_name != nullptr && object->l_name[0] != '\0';
  const char* const path = named ? object->l_name : this_program;
  place.module = named ? object->l_name : info.dli_fname;
  place.offset = address - object->l_addr;
  std::unique_ptr<module_symbols>& symbols = modules_[path];
  if (symbols == nullptr) symbols = std::make_unique<module_symbols>(path);
  if (const auto found = symbols->find(place.offset)) {
    place.function = demangled(found->name);
    place.into_function = found->into;
  } else if (info.dli_sname != nullptr) {
    place.function = demangled(info.dli_sname);
    place.into_function = address - reinterpret_cast<std::uintptr_t>(info.dli_saddr);
  }
  return place;
}

std::string code_place::text() const {
  std::string out = function.empty() ? std::string{"??"} : function;
  if (!function.empty()) out.append(" +0x").append(hexadecimal(into_function));
  if (!module.empty()) out.append(" (").append(module).append("+0x").append(hexadecimal(offset)).append(")");
  return out;
}

}  // namespace weft
