/**
 * What a published package leaves behind: the private export condition that lets the workspace run from source (`src` is not in
 * the tarball), and what only contributors need. Written once here, so that no package repeats its `exports` in `publishConfig`.
 */
const SOURCE_CONDITION = '@kailash-ts/source';

function withoutSourceCondition(exports) {
  if (typeof exports !== 'object' || exports === null) return exports;
  return Object.fromEntries(
    Object.entries(exports)
      .filter(([condition]) => condition !== SOURCE_CONDITION)
      .map(([key, value]) => [key, withoutSourceCondition(value)]),
  );
}

module.exports = {
  hooks: {
    beforePacking(manifest) {
      const { scripts: _scripts, devDependencies: _devDependencies, ...published } = manifest;
      return { ...published, exports: withoutSourceCondition(manifest.exports) };
    },
  },
};
