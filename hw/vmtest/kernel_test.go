//go:build linux

package vmtest

import (
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// kernel is a package of a kernel, unpacked.
type kernel struct {
	image   string            // boot/vmlinuz-*
	modules map[string]string // files by the names of modules
	builtin map[string]bool   // modules that are in the image
}

func openKernel(root string) (*kernel, error) {
	images, err := filepath.Glob(filepath.Join(root, "boot/vmlinuz-*"))
	if err != nil || len(images) != 1 {
		return nil, fmt.Errorf("%d kernels in %s, want one (%v)", len(images), root, err)
	}
	k := &kernel{image: images[0], modules: map[string]string{}, builtin: map[string]bool{}}
	dir := filepath.Join(root, "lib/modules", strings.TrimPrefix(filepath.Base(k.image), "vmlinuz-"))
	text, err := os.ReadFile(filepath.Join(dir, "modules.builtin"))
	if err != nil {
		return nil, err
	}
	for _, path := range strings.Fields(string(text)) {
		k.builtin[moduleName(path)] = true
	}
	return k, filepath.WalkDir(filepath.Join(dir, "kernel"), func(path string, d fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".ko") {
			k.modules[moduleName(path)] = path
		}
		return err
	})
}

// moduleName is what the kernel calls the module of a file.
func moduleName(path string) string {
	return strings.ReplaceAll(strings.TrimSuffix(filepath.Base(path), ".ko"), "-", "_")
}

// order appends a module's file to those that are loaded before it, behind all that it depends on: the package has no modules.dep,
// which is made where it is installed.
func (k *kernel) order(before []string, module string) ([]string, error) {
	path, ok := k.modules[module]
	switch {
	case k.builtin[module] || slices.Contains(before, path):
		return before, nil
	case !ok:
		return nil, fmt.Errorf("the kernel has no module %s", module)
	}
	f, err := elf.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer f.Close()
	section := f.Section(".modinfo")
	if section == nil {
		return nil, fmt.Errorf("%s: no .modinfo", path)
	}
	info, err := section.Data()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, line := range strings.Split(string(info), "\x00") {
		depends, ok := strings.CutPrefix(line, "depends=")
		for _, other := range strings.Split(depends, ",") {
			if !ok || other == "" {
				continue
			}
			if before, err = k.order(before, strings.ReplaceAll(other, "-", "_")); err != nil {
				return nil, fmt.Errorf("%s: %w", module, err)
			}
		}
	}
	return append(before, path), nil
}
