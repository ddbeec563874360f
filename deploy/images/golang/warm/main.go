// Package main imports what programs usually import, so that vetting and testing them finds its facts in the cache.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"math"
	"math/big"
	"math/rand"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"text/template"
	"time"
	"unicode"
)

func main() {
	_ = flag.Bool("x", false, "")
	_ = []any{
		bufio.NewReader, bytes.NewBuffer, context.Background, json.Marshal, errors.New, io.Copy, log.Println, math.Sqrt,
		big.NewInt, rand.Int, http.Get, os.Exit, exec.Command, filepath.Join, reflect.TypeOf, regexp.MustCompile,
		slices.Sort[[]int], sort.Ints, strconv.Itoa, strings.Split, new(sync.Mutex), tabwriter.NewWriter, template.New,
		time.Now, unicode.IsLetter,
	}
	fmt.Println("warm")
}
