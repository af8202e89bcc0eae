"""A module sees itself and the modules to its left: an include of anything to its right does not compile.

Usage: include_roots_test.py BUILD COMPILER...

It compiles with the include flags that BUILD has for each module's own sources.
"""
import json
import os
import shlex
import subprocess
import sys
import unittest

BUILD, COMPILER = sys.argv[1], sys.argv[2:]
del sys.argv[1:]

# From left to right, each with its folder and a header that needs little.
MODULES = (("base", "runtime/base", "errc.hpp"), ("pools", "pools", "stack_class.hpp"),
           ("runtime", "runtime", "spawn_options.hpp"), ("io", "io", "owned_descriptor.hpp"),
           ("net", "net", "address.hpp"), ("http", "http", "server.hpp"))


def include_flags(module):
    """The -I of one of the module's sources, as the build has them."""
    with open(os.path.join(BUILD, "compile_commands.json")) as text:
        for entry in json.load(text):
            if f"libweft_{module}.a.p/" in entry["output"]:
                return [flag for flag in shlex.split(entry["command"]) if flag.startswith("-I")]
    raise AssertionError(f"the build compiles nothing of {module}")


def compile_include(flags, folder, header):
    return subprocess.run([*COMPILER, "-std=c++23", "-fsyntax-only", "-x", "c++", *flags, "-"], cwd=BUILD,
                          input=f"#include <weft/{folder}/{header}>\n", capture_output=True, text=True)


class IncludeRoots(unittest.TestCase):
    def test_what_is_to_the_left_compiles_and_what_is_to_the_right_does_not(self):
        for at, (module, _, _) in enumerate(MODULES):
            flags = include_flags(module)
            for other_at, (other, other_folder, header) in enumerate(MODULES):
                if abs(other_at - at) > 1:
                    continue
                with self.subTest(of=module, includes=other):
                    done = compile_include(flags, other_folder, header)
                    if other_at <= at:
                        self.assertEqual(done.returncode, 0, done.stderr)
                    else:
                        self.assertNotEqual(done.returncode, 0, f"{module} can include {other}")
                        self.assertRegex(done.stderr, "(No such file|not found)")

    def test_pools_cannot_include_the_runtime(self):
        done = compile_include(include_flags("pools"), "runtime", "runtime.hpp")
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, "(No such file|not found)")


if __name__ == "__main__":
    unittest.main()
