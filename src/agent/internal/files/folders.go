package files

import (
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"

	"codebeaker/agent/internal/errno"
	"codebeaker/agent/internal/plan"
)

// Made is the result of a mkdir.
type Made struct {
	Path    string `json:"path"`
	Created bool   `json:"created"`
}

func (f *Files) mkdir(step *plan.Step) (any, error) {
	place := f.place(step.Path)
	if !step.IsRecursive() {
		if err := syscall.Mkdir(place, folderMode); err != nil {
			return nil, explain(err, "create the folder", step.Path)
		}
		return Made{step.Path, true}, nil
	}
	created, err := makeFolders(place)
	if err != nil {
		return nil, explain(err, "create the folder", step.Path)
	}
	return Made{step.Path, created}, nil
}

func (f *Files) stat(step *plan.Step) (any, error) {
	entry, err := describe(f.place(step.Path), step.Path)
	if err != nil {
		return nil, explain(err, "stat", step.Path)
	}
	return entry, nil
}

// Listing is the result of a list.
type Listing struct {
	Path      string  `json:"path"`
	Entries   []Entry `json:"entries"`
	Truncated bool    `json:"truncated"`
}

const (
	defaultListed = 10_000
	// maxListedBytes is the most that a listing may take as JSON.
	maxListedBytes = 3 << 20
)

func (f *Files) list(step *plan.Step) (any, error) {
	l := lister{
		recursive: step.IsRecursive(),
		hidden:    step.IncludeHidden,
		left:      defaultListed,
		bytes:     maxListedBytes,
		files:     f,
		listing:   Listing{Path: step.Path, Entries: []Entry{}},
	}
	if step.Limit != nil {
		l.left = min(*step.Limit, defaultListed)
	}
	if err := l.folder(f.place(step.Path), step.Path); err != nil {
		return nil, explain(err, "list", step.Path)
	}
	return l.listing, nil
}

type lister struct {
	recursive, hidden bool
	left, bytes       int
	files             *Files
	listing           Listing
}

// folder lists one folder by name, each of its folders right before what is in it. Links are not followed.
func (l *lister) folder(place, path string) error {
	fd, err := open(place, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	folder := os.NewFile(uintptr(fd), place)
	defer folder.Close()
	if err := checkNotOurs(fd); err != nil {
		return err
	}
	names, err := folder.Readdirnames(l.left + 1 + maxHiddenSkipped)
	if err != nil && err != io.EOF {
		return err
	}
	folder.Close()
	sort.Strings(names)
	for _, name := range names {
		if !l.hidden && strings.HasPrefix(name, ".") {
			continue
		}
		if l.files.Interrupted() {
			return errno.New(syscall.EINTR, "the listing was ended")
		}
		entry, err := describe(place+"/"+name, filepath.Join(path, name))
		if err != nil {
			continue // gone meanwhile
		}
		size := jsonSize(entry)
		if l.left == 0 || l.bytes < size {
			l.listing.Truncated = true
			return nil
		}
		l.left--
		l.bytes -= size
		l.listing.Entries = append(l.listing.Entries, entry)
		if l.recursive && entry.Type == "directory" {
			if err := l.folder(place+"/"+name, entry.Path); err != nil && l.files.Interrupted() {
				return err
			}
			if l.listing.Truncated {
				return nil
			}
		}
	}
	return nil
}

// maxHiddenSkipped is how many names more than the limit are read of one folder, for those that are left out.
const maxHiddenSkipped = 10_000
