"""tools/tidy.py finds what it is there to find, and nothing else. Usage: tidy_test.py TOOLS_DIRECTORY"""
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv.pop(1))
import tidy  # noqa: E402

LONG_BODY = '  x();\n' * 75


def breaches(path, text):
    """What tidy says to a file of that name and text."""
    tidy.breaches.clear()
    code = tidy.without_comments(text)
    tidy.check_text(path, text)
    tidy.check_lengths(path, text, code)
    tidy.check_includes(path, text)
    tidy.check_words(path, text, code)
    if path.endswith('.hpp'):
        tidy.check_header_shape(path, text, code)
    return list(tidy.breaches)


class Tidy(unittest.TestCase):
    def refuses(self, path, text, what):
        found = breaches(path, text)
        self.assertEqual(len(found), 1, found)
        self.assertIn(what, found[0])

    def allows(self, path, text):
        self.assertEqual(breaches(path, text), [])

    def test_a_line_has_at_most_110_columns(self):
        self.allows('io/a.cpp', '// ' + 'x' * 107 + '\n')
        self.refuses('io/a.cpp', '// ' + 'x' * 108 + '\n', '111 columns')

    def test_a_long_function_needs_a_reason(self):
        self.allows('io/a.cpp', 'void f() {\n' + '  x();\n' * 68 + '}\n')
        self.refuses('io/a.cpp', 'void f() {\n' + LONG_BODY + '}\n', 'a function of 77 lines')
        self.refuses('tests/a.cpp', 'TEST(A, b) {\n' + LONG_BODY + '}\n', 'a function of 77 lines')
        self.refuses('io/a.cpp', 'template <class T>\nint f(T t) {\n' + LONG_BODY + '}\n', 'a function')
        self.allows('io/a.cpp', '// long: one case per opcode\nvoid f() {\n' + LONG_BODY + '}\n')

    def test_a_class_or_a_namespace_may_be_long(self):
        self.allows('io/a.cpp', 'struct a {\n' + LONG_BODY + '};\nnamespace b {\n' + LONG_BODY + '}\n')
        macro = '#define F(x) \\\n  do { \\\n  } while (0)\n'
        self.allows('io/a.cpp', macro + 'namespace b {\n' + LONG_BODY + '}\n')

    def test_a_long_file_needs_a_reason(self):
        self.refuses('io/a.cpp', 'int x;\n' * 801, '801 lines')
        self.allows('io/a.cpp', '// long: a table\n' + 'int x;\n' * 801)

    def test_a_module_includes_only_to_its_left(self):
        self.allows('io/a.cpp', '#include <weft/runtime/b.hpp>\n#include <weft/pools/c.hpp>\n')
        self.refuses('runtime/a.cpp', '#include <weft/io/b.hpp>\n', 'to its right')
        self.refuses('pools/a.cpp', '#include <weft/runtime/b.hpp>\n', 'to its right')
        self.allows('pools/a.cpp', '#include <weft/runtime/base/b.hpp>\n')
        self.refuses('io/a.cpp', '#include "b.hpp"\n', 'write <weft/')
        self.refuses('tests/io/a.cpp', '#include "../b.hpp"\n', 'with ..')

    def test_a_test_does_not_sleep(self):
        self.refuses('tests/a.cpp', 'void f() { std::this_thread::sleep_for(x); }\n', 'sleeps')
        self.refuses('tests/a.cpp', 'void f() { usleep(3); }\n', 'sleeps')
        self.allows('tests/a.cpp', '// real time: measures it\nvoid f() { usleep(3); }\n')
        self.allows('tests/a.cpp', 'void f() { weft::this_fiber::sleep_for(x); }  // never usleep(3)\n')

    def test_forbidden_words(self):
        self.refuses('io/a.cpp', '#if 0\n#endif\n', '#if 0')
        self.refuses('io/a.cpp', 'void f() { try { g(); } catch (...) { } }\n', 'catch')
        self.allows('io/a.cpp', '// root: it is kept\nvoid f() { try { g(); } catch (...) { } }\n')
        self.refuses('io/a.cpp', 'std::atomic<int> a;\n', 'std::atomic')
        self.allows('tests/a.cpp', 'std::atomic<int> a;\n')
        self.refuses('tests/a.cpp', 'TEST(A, DISABLED_b) {}\n', 'disabled')
        self.refuses('io/a.cpp', '// TO' 'DO\n', 'without a reason')
        self.allows('io/a.cpp', '// TO' 'DO: when g++ 13 is the floor\n')
        self.refuses('README.md', 'see /wor' 'k/main\n', 'one machine')
        self.allows('README.md', 'see tests/wor' 'k/main\n')

    def test_a_header_begins_with_what_it_is(self):
        self.allows('io/a.hpp', '// A thing.\n#pragma once\n')
        self.refuses('io/a.hpp', '#pragma once\n', 'begins with a paragraph')
        self.refuses('io/a.hpp', '// A thing.\n', 'no #pragma once')
        self.refuses('io/a.hpp', '// A thing.\n#pragma once\nusing namespace std;\n', 'using namespace')

    def test_public_names_are_found(self):
        text = 'namespace weft {\nclass event {};\nint f(int x);\nnamespace detail {\nclass hidden {};\n}\n}'
        self.assertEqual(tidy.public_names(text), {'event', 'f'})


if __name__ == '__main__':
    unittest.main()
