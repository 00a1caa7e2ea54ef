package merkle

import (
	"errors"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Beyond is how many entries the files of a log speak of, and at least size. More than the checkpoint's size is what a program left that died while it
// wrote: as many as it was adding. Still more is left where somebody put an older checkpoint in the place of a newer one.
func Beyond(files fs.FS, size int64) (int64, error) {
	for _, kind := range []string{"entries", "0"} {
		root := path.Join(tileFolder, kind)
		err := fs.WalkDir(files, root, func(name string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // a program that writes clears up while we look
			}
			if err != nil || d.IsDir() {
				return err
			}
			if end, ok := endOf(strings.TrimPrefix(name, root+"/")); ok {
				size = max(size, end)
			}
			return nil
		})
		if err != nil {
			return size, err
		}
	}
	return size, nil
}

// endOf is how many entries a log has at least that has the tile of this name, number says how it is written.
func endOf(name string) (end int64, ok bool) {
	w := int64(width)
	if at := strings.LastIndex(name, ".p/"); at >= 0 {
		var err error
		if w, err = strconv.ParseInt(name[at+len(".p/"):], 10, 64); err != nil || w < 1 || w >= width {
			return 0, false
		}
		name = name[:at]
	}
	n, err := strconv.ParseInt(strings.NewReplacer("x", "", "/", "").Replace(name), 10, 64)
	if err != nil || n < 0 || n > 1<<54 || number(n) != name {
		return 0, false
	}
	return n<<height + w, true
}
