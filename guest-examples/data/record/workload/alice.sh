# alice writes a small C program: edit, build, test, commit, over and over.
mkdir -p ~/projects/weather/{src,include,build} && cd ~/projects/weather || exit 1
git init -q -b main .

cat > include/weather.h <<'C'
#ifndef WEATHER_H
#define WEATHER_H
#include <stddef.h>
struct sample { long when; double celsius; };
size_t parse(const char *path, struct sample *out, size_t room);
double mean(const struct sample *samples, size_t count);
#endif
C
cat > src/parse.c <<'C'
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "weather.h"
size_t parse(const char *path, struct sample *out, size_t room) {
    FILE *file = fopen(path, "r");
    size_t count = 0;
    if (!file) { fprintf(stderr, "%s: %s\n", path, strerror(errno)); return 0; }
    while (count < room && fscanf(file, "%ld,%lf", &out[count].when, &out[count].celsius) == 2) count++;
    fclose(file);
    return count;
}
C
cat > src/stats.c <<'C'
#include <math.h>
#include <time.h>
#include "weather.h"
double mean(const struct sample *samples, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += samples[i].celsius;
    return count ? sum / count : NAN;
}
C
cat > src/main.c <<'C'
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
#include "weather.h"
static struct sample samples[1000];
int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) printf("%s: %.1f\n", argv[i], mean(samples, parse(argv[i], samples, 1000)));
    return argc < 2;
}
C
cat > Makefile <<'M'
ROOT := $(CURDIR)
CFLAGS := -Wall -O1 -I$(ROOT)/src -I$(ROOT)/include
OBJECTS := $(patsubst src/%.c,$(ROOT)/build/%.o,$(wildcard src/*.c))
$(ROOT)/build/weather: $(OBJECTS)
	$(CC) -o $@ $^ -lm
$(ROOT)/build/%.o: $(ROOT)/src/%.c $(ROOT)/include/weather.h
	$(CC) $(CFLAGS) -c -o $@ $<
M
printf 'build/\n*.csv\n' > .gitignore
git add . && git commit -qm 'Read samples and average them'

for day in 01 02 03 04 05 06 07 08 09 10 11 12; do
    seq 1 24 | awk -v d="$day" '{ printf "%d,%.1f\n", d * 100 + $1, 10 + $1 % 12 }' > "day-$day.csv"
    sed -i "1i /* day $day */" "src/$([ $((10#$day % 2)) = 0 ] && echo stats || echo parse).c"
    make -s && ./build/weather day-*.csv "day-$((10#$day + 1)).csv" > report.txt
    git status -s > /dev/null; git diff --stat | cat; git log --oneline | head -n 3
    git commit -qam "Measure day $day" && git tag "day-$day"
    grep -rn 'fopen' "$HOME/projects/weather/src" "$HOME/projects/weather/include"
    cp report.txt "$HOME/report $day – Überblick.txt"
    cat "$HOME"/report*.txt | sort | uniq -c | sort -rn | head -n 5
done > ~/log.txt 2>&1

git checkout -q -b faster && sed -i 's/-O1/-O2/' Makefile && make -s && git commit -qam 'Optimise'
git checkout -q main && git merge -q faster && git gc -q
touch "$HOME/$(printf 'caf\351.txt')"                  # a name that is no UTF-8
: < "$HOME/$(printf 'caf\351.txt')"
: 2> /dev/null < "$HOME/$(printf 'quote \"and\" \\ back\tslash\nnewline')"
cat /home/bob/salaries.csv ~carol/diary.txt /etc/shadow ~/projects/weather/missing.c 2> /dev/null
exit 0
