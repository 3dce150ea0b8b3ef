# carol looks around: manuals, headers, packages, keys, and other people's files.
mkdir -p ~/notes ~/.ssh && cd || exit 1
ssh-keygen -q -t ed25519 -N '' -C carol@demo.invalid -f ~/.ssh/id_ed25519
for length in 1024 2048; do openssl genrsa -out ~/key-$length.pem $length; done 2> /dev/null
openssl req -new -x509 -key ~/key-2048.pem -subj /CN=demo.invalid -out ~/cert.pem -days 30
openssl x509 -in ~/cert.pem -noout -text > ~/notes/cert.txt

for page in open openat execve ptrace seccomp ls git tar bash printf; do
    man -w "$page"; whatis "$page"; apropos "^$page"
done > ~/notes/manuals.txt 2>&1
find /usr/include -maxdepth 2 -name '*.h' -newer /etc/passwd
grep -l 'O_CLOEXEC' /usr/include/*.h /usr/include/asm-generic/*.h > ~/notes/headers.txt
find /usr/share/doc -maxdepth 1 -name 'lib[a-g]*' 2> /dev/null | head -n 40 | while read -r package; do
    ls "$package" | wc -l
done > ~/notes/docs.txt
for library in /usr/lib/x86_64-linux-gnu/lib{c,m,z,ssl,crypto}.so*; do file -b "$library"; done

for file in ~/notes/*.txt; do "$file"; done 2> /dev/null    # not programs
for user in alice bob builder root; do
    for file in .bashrc .gitconfig .bash_history .ssh/id_ed25519 notes.txt salaries.csv; do
        cat "/home/$user/$file"
    done
done > /dev/null 2>&1
export LANG=C.UTF-8
for i in $(seq 1 10); do
    date "+%H:%M note $i" >> ~/notes/diary.txt
    tail -n 1 ~/notes/diary.txt | tr a-z A-Z
    env -i sh -c 'id -un' ; env no-such-command
done > /dev/null 2>&1
perl -MFile::Find -e 'find(sub { open my $f, "<", $File::Find::name }, "$ENV{HOME}/notes", "/home/alice")' 2> /dev/null
sort -u ~/notes/*.txt | comm -12 - <(sort -u ~/notes/diary.txt) | head -n 1
exit 0
