"""The runtime of the studio without a server: onnxruntime-web from npm, pinned, into the package.

    make runtime                          # npm ci in tools/site, then src/allograph/export/runtime

package-lock.json pins every package by its hash. What a user installs needs no node: wheels hold these files.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGES = HERE / "node_modules"
RUNTIME = HERE.parents[1] / "src" / "allograph" / "export" / "runtime"
FILES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
FILES += ("ort.webgpu.min.mjs", "ort-wasm-simd-threaded.asyncify.mjs", "ort-wasm-simd-threaded.asyncify.wasm")


def main() -> None:
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=HERE, check=True)
    RUNTIME.mkdir(exist_ok=True)
    for name in FILES:
        shutil.copyfile(PACKAGES / "onnxruntime-web" / "dist" / name, RUNTIME / name)
    (RUNTIME / "licences.txt").write_text(licences(), encoding="utf-8")
    print(f"{RUNTIME}: {sum(path.stat().st_size for path in RUNTIME.iterdir()) / 1e6:.1f} MB")


def licences() -> str:
    """Every package that onnxruntime-web brings along, with its licence's text where the package has one."""
    lines = [
        "This site was made by allograph (MIT). The folder runtime/ is onnxruntime-web; what that is made of:",
        "onnxruntime's own licence, and those of what its files of WebAssembly hold (Dawn's among them), are LICENSE",
        "and ThirdPartyNotices.txt in https://github.com/microsoft/onnxruntime.",
        "",
    ]
    for folder in sorted(path.parent for path in PACKAGES.rglob("package.json") if _is_package(path)):
        about = json.loads((folder / "package.json").read_text(encoding="utf-8"))
        lines.append(f"{about['name']} {about['version']}: {about.get('license', 'see below')}")
    for folder in sorted(path.parent for path in PACKAGES.rglob("package.json") if _is_package(path)):
        for path in sorted(folder.iterdir()):
            if path.name.lower().startswith(("license", "licence")):
                lines += [
                    "",
                    f"--- {folder.relative_to(PACKAGES).as_posix()}",
                    "",
                    path.read_text(encoding="utf-8").strip(),
                ]
    return "\n".join(lines) + "\n"


def _is_package(path: Path) -> bool:
    """Whether this is the package.json of an installed package, not one deep inside it."""
    parent = path.parent.parent
    return parent.name == "node_modules" or (parent.name.startswith("@") and parent.parent.name == "node_modules")


if __name__ == "__main__":
    main()
