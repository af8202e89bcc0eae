// A limit that the kernel sets this process, lower for as long as an object lives.
#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace weft_test {

class resource_limit {
 public:
  using kind = decltype(RLIMIT_NOFILE);  // RLIMIT_...: an enumeration or int, as the C library has it

  /// Of descriptors, `most` is what each new one is below.
  resource_limit(kind of, rlim_t most) : of_{of} {
    EXPECT_EQ(::getrlimit(of_, &before_), 0);
    const rlimit now{most, before_.rlim_max};
    EXPECT_EQ(::setrlimit(of_, &now), 0);
  }
  ~resource_limit() { lift(); }
  resource_limit(const resource_limit&) = delete;
  resource_limit& operator=(const resource_limit&) = delete;

  void lift() { EXPECT_EQ(::setrlimit(of_, &before_), 0); }

 private:
  const kind of_;
  rlimit before_{};
};

}  // namespace weft_test
