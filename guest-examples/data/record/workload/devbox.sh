# Process 1 of the stage "devbox": three people at work, and root looking after the machine.
for user in alice bob carol; do
    su - "$user" -c "bash /srv/demo/$user.sh" &
done

# An hourly job: back up the homes, note how full they are, throw old backups away.
for hour in 01 02 03 04 05 06; do
    mkdir -p /var/backups
    tar -czf "/var/backups/home-$hour.tar.gz" -C / home
    sha256sum "/var/backups/home-$hour.tar.gz" >> /var/backups/SHA256SUMS
    for home in /home/*; do
        du -s "$home" | awk '{ print $2, $1 }'
        find "$home" -type f -newer /etc/passwd -print0 | xargs -0 -r sha1sum | sort -k 2 | tail -n 1
    done >> /var/log/homes.log
    find /var/backups -name 'home-*' | sort -r | tail -n +4 | xargs -r rm
    df / | tail -n 1 >> /var/log/disk.log
    sleep 1.5
done
wait
