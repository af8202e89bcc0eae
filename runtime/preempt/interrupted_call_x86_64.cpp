// The kernel leaves all registers of the call but rax, rcx and r11. rax was its number, which glibc's
// wrappers load just before it: that instruction is run again too. syscall(3) gets the number otherwise, so
// what is called through it still ends with EINTR.
#include <cerrno>
#include <cstring>

#include <weft/runtime/preempt/interrupted_call.hpp>

namespace weft::detail {

void begin_again(ucontext_t& context) noexcept {
  constexpr unsigned char system_call[]{0x0f, 0x05};
  constexpr unsigned char load_number = 0xb8;  // mov $number, %eax: five bytes
  constexpr greg_t load_size = 5, size = load_size + sizeof system_call;
  auto& r = context.uc_mcontext.gregs;
  if (r[REG_RAX] != -EINTR) return;
  const auto* const behind = reinterpret_cast<const unsigned char*>(r[REG_RIP]);
  if (std::memcmp(behind - sizeof system_call, system_call, sizeof system_call) != 0) return;
  if (*(behind - size) == load_number) r[REG_RIP] -= size;
}

}  // namespace weft::detail
