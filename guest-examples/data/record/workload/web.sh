# Process 1 of the stage "web": a web server, its visitors, log rotation, and a service that cannot start.
mkdir -p /var/www/html /var/log/web /etc/demo
for page in index about prices contact; do
    echo "<title>$page</title>" > "/var/www/html/$page.html"
done
chown -R www-data:www-data /var/www /var/log/web

su - www-data -c 'exec python3 -m http.server --bind 127.0.0.1 --directory /var/www/html 8000' > /var/log/web/access.log 2>&1 &
until curl -s -o /dev/null http://127.0.0.1:8000/; do sleep 0.1; done
for visit in $(seq 1 16); do
    for page in index about missing; do
        curl -s -o /dev/null "http://127.0.0.1:8000/$page.html"
    done
    [ $((visit % 4)) = 0 ] && gzip -c /var/log/web/access.log > "/var/log/web/access.log.$visit.gz"
done

# The service dies at once because its configuration is missing; the supervisor starts it again and again.
cat > /srv/demo/supervise <<'S'
#!/bin/bash
for try in $(seq 1 150); do
    /bin/cat /etc/demo/service.conf 2> /dev/null || true
done
S
chmod +x /srv/demo/supervise && /srv/demo/supervise

# Orders trickle into a database.
su - www-data -c '
    sqlite3 ~/orders.db "create table orders (id integer primary key, item text)"
    for order in $(seq 1 25); do sqlite3 ~/orders.db "insert into orders (item) values (\"tea $order\")"; done
    sqlite3 -csv ~/orders.db "select item, count(*) from orders group by item" | head -n 3
' > /dev/null
for log in /var/log/web/*; do
    wc -c "$log"; tail -n 2 "$log" | grep -c 404
done > /var/log/summary.txt 2>&1
kill %1
