# Process 1 of the stage "ci": a build server takes the same job three times.
for build in 1 2 3; do
    su - builder -c "bash /srv/demo/build.sh $build"
done
