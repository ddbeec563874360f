package main

import (
	"net/http/httptest"
	"testing"
)

func TestWarm(t *testing.T) {
	_ = httptest.NewRecorder()
}
