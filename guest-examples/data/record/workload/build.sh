# One build: configure (which starts very many short processes), make -j, tests, a package.
build=$1
work=$HOME/builds/$build
mkdir -p "$work"/{src,obj,tests} && cd "$work" || exit 1

cat > configure <<'S'
#!/bin/sh
# Ask the compiler about headers and functions one by one, as configure scripts do.
: > config.h
for header in stdio stdlib string math time fcntl; do
    printf '#include <%s.h>\n' "$header" > conftest.c
    if cc -E conftest.c > /dev/null 2>> config.log; then
        echo "#define HAVE_$(echo "$header" | tr a-z A-Z)_H 1" >> config.h
    fi
done
for tool in awk sed grep tar gzip install ranlib strip no-such-tool; do
    path=$(command -v "$tool")
    expr "$path" : '/.*' > /dev/null && basename "$path" | sed 's/^/checking for /' >> config.log
done
i=0
while [ $i -lt 40 ]; do
    i=$(expr $i + 1)
    uname -m | grep -q 64 && echo "$i" | sed 's/$/ ok/' >> config.log
done
rm -f conftest.*
S
chmod +x configure && ./configure

for module in alpha beta delta epsilon zeta; do
    cat > "src/$module.c" <<C
#include "../config.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
int $module(const char *path) { struct stat s; return stat(path, &s) ? (int)strlen(path) : printf("%s", path); }
C
done
cat > Makefile <<'M'
SOURCES := $(wildcard $(CURDIR)/src/*.c)
OBJECTS := $(SOURCES:$(CURDIR)/src/%.c=$(CURDIR)/obj/%.o)
libgreek.a: $(OBJECTS)
	ar rcs $@ $^
$(CURDIR)/obj/%.o: $(CURDIR)/src/%.c
	$(CC) -O2 -fPIC -c -o $@ $<
clean:
	rm -f $(CURDIR)/obj/*.o libgreek.a
M
make -s -j2 && cc -shared -o libgreek.so obj/*.o && strip libgreek.so && nm -D libgreek.so > symbols.txt

cat > tests/test_greek.py <<'P'
import ctypes, pathlib, unittest
LIBRARY = ctypes.CDLL(str(pathlib.Path(__file__).parent.parent / "libgreek.so"))
class Greek(unittest.TestCase):
    def test_missing(self):
        for name in ("alpha", "beta", "delta"):
            self.assertEqual(getattr(LIBRARY, name)(b"/no/such"), 8)
P
python3 -m unittest discover -s tests 2> tests.log
for case in $(seq 1 40); do
    printf '%s\n' "$case" | sha1sum | cut -c1-8 > "tests/case-$case.txt"
    cmp -s "tests/case-$case.txt" tests/missing.txt
    [ "$case" = 40 ] && cat tests/case-*.txt | sort -u | wc -l > tests/summary.txt
done

install -D -m 644 libgreek.so "$HOME/dist/$build/lib/libgreek.so"
tar -cJf "$HOME/dist/greek-$build.tar.xz" -C "$HOME/dist" "$build"
sha256sum "$HOME"/dist/*.tar.xz > "$HOME/dist/SHA256SUMS"
make -s clean
