# bob analyses data with Python, sqlite and the classic tools, and fetches nothing: there is no network.
mkdir -p ~/data/raw ~/data/out ~/tools && cd ~/data || exit 1

cat > ~/tools/generate.py <<'P'
import csv, pathlib, random, sys
seed = int(sys.argv[1])
random.seed(seed)
with (pathlib.Path.home() / "data" / "raw" / f"sales-{seed:02}.csv").open("w", newline="") as file:
    rows = csv.writer(file)
    for customer in range(200):
        rows.writerow([seed, customer, random.choice(["tea", "coffee", "cocoa"]), random.randint(1, 90)])
P
cat > ~/tools/report.py <<'P'
import collections, csv, datetime, json, pathlib, statistics, tools_common
totals = collections.Counter()
for path in sorted(pathlib.Path.home().glob("data/raw/*.csv")):
    for _, _, what, amount in csv.reader(path.open()):
        totals[what] += int(amount)
out = pathlib.Path.home() / "data" / "out" / "report.json"
out.write_text(json.dumps(totals))
tools_common.note(f"{datetime.date.today()} {statistics.mean(totals.values())}")
P
cat > ~/tools/tools_common.py <<'P'
import pathlib
def note(text):
    with (pathlib.Path.home() / "data" / "out" / "notes.txt").open("a") as file:
        file.write(text + "\n")
P

for week in $(seq 1 12); do
    python3 ~/tools/generate.py "$week"
    PYTHONPATH=~/tools python3 ~/tools/report.py
    cut -d, -f3 "$HOME/data/raw/sales-$(printf %02d "$week").csv" | sort | uniq -c | sort -rn > out/top.txt
    awk -F, '{ sum[$3] += $4 } END { for (k in sum) print k, sum[k] }' ~/data/raw/*.csv | sort > out/sums.txt
    printf '.mode csv\n.import %s sales\nselect count(*) from sales;\n' raw/sales-*.csv | sqlite3 out/sales.db
    gzip -kf "$HOME/data/raw/sales-$(printf %02d "$week").csv"
    join out/top.txt out/sums.txt; wc -l raw/*.csv; diff out/top.txt out/sums.txt | head -n 2
done > /dev/null 2>&1

# One at a time: the eternal loop over file names.
for file in ~/data/raw/*.csv; do
    name=$(basename "$file" .csv)
    directory=$(dirname "$file")
    lines=$(wc -l < "$file")
    bytes=$(stat -c %s "$file")
    first=$(head -n 1 "$file" | cut -d, -f2)
    echo "$directory $name $lines $bytes $first $(date +%s) $(md5sum "$file" | cut -c1-8)" >> ~/data/out/inventory.txt
done
echo secret > ~/salaries.csv && chmod 600 ~/salaries.csv

# Mistakes everybody makes: a directory opened for writing, a running program, too many files, a loop of links,
# a name that is too long, a full device, a file that must not exist yet.
python3 - <<'P'
import os, resource
home = os.path.expanduser("~")
os.symlink("loop", f"{home}/loop")
os.mkfifo(f"{home}/pipe")
resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
held = []
attempts = [
    (f"{home}/data", os.O_WRONLY), ("/usr/bin/python3.11", os.O_WRONLY), (f"{home}/loop", os.O_RDONLY),
    (f"{home}/" + "n" * 300, os.O_RDONLY), (f"{home}/salaries.csv", os.O_CREAT | os.O_EXCL | os.O_WRONLY),
    (f"{home}/salaries.csv/x", os.O_RDONLY), (f"{home}/pipe", os.O_WRONLY | os.O_NONBLOCK),
    (f"{home}/salaries.csv", os.O_DIRECTORY), ("/usr/share/new.txt", os.O_CREAT | os.O_WRONLY),
    (f"{home}/data/out", os.O_TMPFILE | os.O_RDWR), ("", os.O_RDONLY), (f"{home}/salaries.csv", os.O_PATH),
    (f"{home}/sync.txt", os.O_CREAT | os.O_RDWR | os.O_SYNC | os.O_APPEND),
] + [("/dev/null", os.O_RDWR)] * 20
for path, flags in attempts:
    try:
        held.append(os.open(path, flags, 0o640))
    except OSError:
        pass
P
tar -czf ~/data.tar.gz -C ~ data && tar -tzf ~/data.tar.gz > /dev/null
exit 0
