#!/bin/bash
# From a saved Dockerfile to the verdict, beside what `docker build` takes for the same edit.
#
# Copies the sample image wham under another name, lets `seatrial watch` watch it, and edits a line of its
# Dockerfile some times. Needs Docker with the image samtools-cloud, and a built program: ./watch.sh [PROGRAM] [ROUNDS].
set -euo pipefail

program=$(realpath "${1:-target/release/seatrial}")
rounds=${2:-5}
root=$(cd "$(dirname "$0")/.." && pwd)
name=seatrial-bench-watch-$$
folder=$(mktemp -d)
watching=

clean() {
    [ -z "$watching" ] || { kill -INT "$watching" && wait "$watching" || true; }
    for image in $(docker images --quiet --filter "label=bench=$name" | sort -u); do
        docker rmi --force "$image" >/dev/null 2>&1 || true
    done
    rm -rf "$folder"
}
trap clean EXIT

now() { date +%s%3N; }

# Saves the Dockerfile of a folder with another last line.
edit() {
    sed "s|^FROM .*|FROM samtools-cloud|; s|^ARG BASE_IMAGE.*||" "$root/dockerfiles/wham/Dockerfile" >"$folder/new~"
    printf 'LABEL bench=%s\nRUN echo %s >/edited\n' "$name" "$2" >>"$folder/new~"
    mv "$folder/new~" "$folder/$1/Dockerfile"
}

mkdir -p "$folder/wham" "$folder/plain" "$folder/test-specs"
cp -r "$root/fixtures" "$folder/fixtures"
sed '/^inherit:/d' "$root/test-specs/wham.yaml" >"$folder/test-specs/wham.yaml"
cat >"$folder/seatrial.yaml" <<END
images:
  wham: {dockerfile: wham/Dockerfile, reference: "$name:1"}
END
edit wham start
# The layers that stay are in the cache from here on.
docker build --quiet --tag "$name:1" "$folder/wham" >/dev/null

cd "$folder"
"$program" watch >"$folder/said" 2>&1 &
watching=$!
cd "$root"

# Waits until so many runs have ended.
await() {
    while [ "$(grep -c '^watching ' "$folder/said")" -lt "$1" ]; do
        kill -0 "$watching" || { cat "$folder/said"; exit 1; }
        sleep 0.005
    done
}

await 1
for round in $(seq "$rounds"); do
    begun=$(now)
    edit wham "watch-$round"
    await $((round + 1))
    watched=$(($(now) - begun))

    edit plain "docker-$round"
    begun=$(now)
    docker build --quiet --tag "$name:docker" "$folder/plain" >/dev/null
    built=$(($(now) - begun))
    echo "round $round: save to verdict $watched ms, docker build alone $built ms"
done
