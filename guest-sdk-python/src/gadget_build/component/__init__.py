"""Components, as far as a static linker needs them: which core modules there are and how they are wired.

Binary format: https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md
"""
