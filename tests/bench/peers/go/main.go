// GET /me, and GET /posts/{id} (post.go), in Go: net/http behind nginx's pooled connections, go-sql-driver with prepared statements.
package main

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	_ "github.com/go-sql-driver/mysql"
)

type key struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Prefix string `json:"prefix"`
}

type me struct {
	ID        string  `json:"id"`
	Email     string  `json:"email"`
	Name      *string `json:"name"`
	CreatedAt string  `json:"created_at"`
	Key       key     `json:"key"`
}

type meta struct {
	RequestID string `json:"request_id"`
}

type answer struct {
	Data me   `json:"data"`
	Meta meta `json:"meta"`
}

var byHash *sql.Stmt

func uuid(b []byte) string {
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func rfc3339(us int64) string {
	return time.UnixMicro(us).UTC().Format("2006-01-02T15:04:05.000000Z")
}

func handle(w http.ResponseWriter, r *http.Request) {
	var a answer
	var keyID, userID []byte
	var state string
	var created int64
	var revoked sql.NullInt64

	sum := sha256.Sum256([]byte(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")))
	err := byHash.QueryRow(sum[:]).Scan(&keyID, &a.Data.Key.Name, &a.Data.Key.Prefix, &revoked, &state, &userID,
		&a.Data.Email, &a.Data.Name, &created)
	if err == sql.ErrNoRows || err == nil && (revoked.Valid || state != "active") {
		http.Error(w, "{}", http.StatusUnauthorized)
		return
	}
	if err != nil {
		http.Error(w, "{}", http.StatusInternalServerError)
		return
	}
	a.Data.ID, a.Data.CreatedAt, a.Data.Key.ID = uuid(userID), rfc3339(created), uuid(keyID)
	a.Meta.RequestID = r.Header.Get("X-Request-Id")
	body, _ := json.Marshal(&a)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}

func main() {
	connections, _ := strconv.Atoi(os.Getenv("BENCH_CONNECTIONS"))
	at := "bench:" + os.Getenv("BENCH_PASSWORD") + "@unix(" + os.Getenv("BENCH_DATABASE") + ")/marketingcli"
	db, err := sql.Open("mysql", at)
	if err != nil {
		log.Fatal(err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	byHash, err = db.Prepare(os.Getenv("BENCH_STATEMENT"))
	if err != nil {
		log.Fatal(err)
	}
	preparePost(db)
	prepareWebhook(db)
	listener, err := net.Listen("unix", os.Getenv("BENCH_SOCKET"))
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/bench/go/posts/", handlePost)
	mux.HandleFunc("/api/bench/go/webhook", handleWebhook)
	mux.HandleFunc("/", handle)
	log.Fatal(http.Serve(listener, mux))
}
