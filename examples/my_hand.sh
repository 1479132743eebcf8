#!/bin/sh
# From a sheet of paper to a font, a page in the browser, strokes for a plotter and lines for text recognition.
#
#     sh examples/my_hand.sh [FOLDER]
#
# The sheet is filled in and photographed by the program; by hand it goes the same way. Settings, by the environment:
# SYMBOLS, VARIANTS (drawings of each symbol in the font), SAID (what page and lines say), PYTHON.
set -eu
here=$(dirname "$0")
out=${1:-my_hand}
python=${PYTHON:-python}
symbols=${SYMBOLS:-ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789}
variants=${VARIANTS:-5}
said=${SAID:-Now is the time for all good letters to differ}
allograph() { "$python" -m allograph "$@"; }

if [ -e "$out" ]; then echo "$out exists already; name another folder" >&2; exit 2; fi
mkdir -p "$out"

echo "1. The sheet"
allograph sheet "$symbols" -o "$out/sheet.pdf" --title "My hand"
"$python" "$here/../tools/handwriting.py" fill "$out/sheet.pdf" "$out/filled"
"$python" "$here/../tools/handwriting.py" photograph "$out/filled/page-1.png" "$out/photo.jpg" --seed 8

echo "2. Read from the photograph"
allograph read-sheet "$out/photo.jpg" -o "$out/symbols"

echo "3. The font"
allograph font "$out/symbols" -o "$out/MyHand.ttf" -o "$out/MyHand.woff2" --name "My Hand" --variants "$variants"
cat > "$out/page.html" <<HTML
<!doctype html><meta charset="utf-8"><title>My Hand</title>
<style>@font-face { font-family: "My Hand"; src: url(MyHand.woff2) } p { font: 46px/1.4 "My Hand"; margin: 24px; overflow-wrap: anywhere }</style>
<p>$said<p>aaaa abab eeee<p>$symbols
HTML
if browser=$(command -v chromium || command -v chromium-browser); then
    "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1200,420 \
        --screenshot="$out/page.png" "$out/page.html" >/dev/null 2>&1 || echo "no picture of the page: the browser refused"
fi

echo "4. Strokes for a plotter"
first=$(find "$out/symbols" -name '01.png' | sort | head -n 1)
allograph write "$first" -n 4 --format svg-strokes -o "$out/strokes" --model omniglot-bending

echo "5. Lines for text recognition"
printf '%s\n%s\n' "$said" "$said" > "$out/lines.txt"
allograph compose --text "$out/lines.txt" --glyphs "$out/symbols" -o "$out/lines" --layout page-xml \
    --drawings "$variants" --paper aged --rules --noise 0.4
echo "All of it is in $out; open $out/page.html"
