// Go's goroutines: the same rows, measured the same way as benchmarks/harness.cpp does. GOMAXPROCS=1 unless
// it is set: weft's rows use one worker. The collector's work is counted, as it is part of what a goroutine
// costs; it runs before each repetition so that none pays for the one before.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"regexp"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

const (
	longEnough      = 60 * time.Millisecond
	repetitions     = 7
	clockProcessCPU = 2
)

type sample struct {
	operations int
	cpu, wall  int64
}

type stopwatch struct{ cpu, wall int64 }

func clock(id uintptr) int64 {
	var t syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, id, uintptr(unsafe.Pointer(&t)), 0)
	return t.Nano()
}

func start() stopwatch { return stopwatch{clock(clockProcessCPU), time.Now().UnixNano()} }

func (w stopwatch) stop(operations int) sample {
	return sample{operations, clock(clockProcessCPU) - w.cpu, time.Now().UnixNano() - w.wall}
}

// Two functions, as in a real program.
//
//go:noinline
func turnA(count *int, stop *bool, ended *sync.WaitGroup) {
	for !*stop {
		*count++
		runtime.Gosched()
	}
	ended.Done()
}

//go:noinline
func turnB(count *int, stop *bool, ended *sync.WaitGroup) {
	for !*stop {
		*count++
		runtime.Gosched()
	}
	ended.Done()
}

// The main goroutine is one of them. With GOMAXPROCS=1 the shared count needs no atomics.
func yield(goroutines int, second func(*int, *bool, *sync.WaitGroup)) func(int) sample {
	return func(operations int) sample {
		count, stop := 0, false
		var ended sync.WaitGroup
		ended.Add(goroutines - 1)
		for i := 0; i < goroutines-1; i++ {
			if i%2 == 0 {
				go turnA(&count, &stop, &ended)
			} else {
				go second(&count, &stop, &ended)
			}
		}
		for count < goroutines {
			runtime.Gosched()
		}
		count = 0
		watch := start()
		for count < operations {
			count++
			runtime.Gosched()
		}
		taken := watch.stop(count)
		stop = true
		ended.Wait()
		return taken
	}
}

func spawnJoin(batch int) func(int) sample {
	return func(operations int) sample {
		ran := 0
		var ended sync.WaitGroup
		watch := start()
		for ran < operations {
			ended.Add(batch)
			for i := 0; i < batch; i++ {
				go func() {
					ran++
					ended.Done()
				}()
			}
			ended.Wait()
		}
		return watch.stop(ran)
	}
}

// The results come through a channel, one by one, in the order of ending.
func joinSet(operations int) sample {
	const batch = 1000
	taken, sum := 0, 0
	watch := start()
	for taken < operations {
		results := make(chan int, batch)
		for i := 0; i < batch; i++ {
			go func(i int) { results <- i }(i)
		}
		for i := 0; i < batch; i++ {
			sum += <-results
			taken++
		}
	}
	return watch.stop(taken)
}

// As its author wrote it, but that the channels have room for all ten.
func skynetNode(result chan int, first, leaves int) {
	if leaves == 1 {
		result <- first
		return
	}
	children, share, sum := make(chan int, 10), leaves/10, 0
	for i := 0; i < 10; i++ {
		go skynetNode(children, first+i*share, share)
	}
	for i := 0; i < 10; i++ {
		sum += <-children
	}
	result <- sum
}

func skynet(int) sample {
	watch := start()
	result := make(chan int)
	go skynetNode(result, 0, million)
	if <-result != million*(million-1)/2 {
		return sample{}
	}
	return watch.stop(million)
}

func nothing() {}

func timerInsertCancel(operations int) sample {
	watch := start()
	for i := 0; i < operations; i++ {
		time.AfterFunc(time.Hour, nothing).Stop()
	}
	return watch.stop(operations)
}

const million = 1_000_000

func millionTimers() []*time.Timer { return make([]*time.Timer, million) }

func insertAll(timers []*time.Timer, random *rand.Rand) {
	for i := range timers {
		timers[i] = time.AfterFunc(time.Hour+time.Duration(random.Int63n(int64(time.Hour))), nothing)
	}
}

func timer1mInsert(int) sample {
	timers, random := millionTimers(), rand.New(rand.NewSource(1))
	watch := start()
	insertAll(timers, random)
	taken := watch.stop(million)
	for _, t := range timers {
		t.Stop()
	}
	return taken
}

func timer1mCancelRandom(int) sample {
	timers, random := millionTimers(), rand.New(rand.NewSource(1))
	insertAll(timers, random)
	random.Shuffle(million, func(i, j int) { timers[i], timers[j] = timers[j], timers[i] })
	watch := start()
	for _, t := range timers {
		t.Stop()
	}
	return watch.stop(million)
}

func mutexUncontended(operations int) sample {
	var lock sync.Mutex
	counted := 0
	watch := start()
	for counted < operations {
		lock.Lock()
		counted++
		lock.Unlock()
	}
	return watch.stop(counted)
}

func onTwoThreads(measure func(int) sample) func(int) sample {
	return func(operations int) sample {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
		return measure(operations)
	}
}

func mutexContended2(operations int) sample {
	var lock sync.Mutex
	var both, ended sync.WaitGroup
	counted := 0
	both.Add(2)
	ended.Add(2)
	countHalf := func() {
		both.Done()
		both.Wait()
		for i := 0; i < operations/2; i++ {
			lock.Lock()
			counted++
			lock.Unlock()
		}
		ended.Done()
	}
	watch := start()
	go countHalf()
	go countHalf()
	ended.Wait()
	return watch.stop(counted)
}

// A channel of capacity 1 is Go's binary semaphore. Locked to their threads: else Go brings the two together
// on one, and nothing crosses.
func semaphoreCrossThread(operations int) sample {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	there, back := make(chan struct{}, 1), make(chan struct{}, 1)
	go func() {
		runtime.LockOSThread()
		for i := 0; i < operations; i++ {
			<-there
			back <- struct{}{}
		}
	}()
	watch := start()
	for i := 0; i < operations; i++ {
		there <- struct{}{}
		<-back
	}
	return watch.stop(operations)
}

func memoryNow() (resident, pageTables float64) {
	status, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(status), "\n") {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kib, _ := strconv.ParseFloat(fields[1], 64)
		switch fields[0] {
		case "VmRSS:":
			resident = kib * 1024
		case "VmPTE:":
			pageTables = kib * 1024
		}
	}
	return
}

func idle() (bytes, pageTableBytes float64) {
	const count = 200_000
	gate := make(chan struct{})
	var parked, ended sync.WaitGroup
	parked.Add(count)
	ended.Add(count)
	runtime.GC()
	resident, pageTables := memoryNow()
	for i := 0; i < count; i++ {
		go func() {
			parked.Done()
			<-gate
			ended.Done()
		}()
	}
	parked.Wait()
	runtime.Gosched()
	residentAfter, pageTablesAfter := memoryNow()
	close(gate)
	ended.Wait()
	return (residentAfter - resident) / count, (pageTablesAfter - pageTables) / count
}

// One operation is a message there and its answer.
func channelPingPong(operations int) sample {
	there, back := make(chan uint64), make(chan uint64)
	var ended sync.WaitGroup
	ended.Add(1)
	go func() {
		for n := range there {
			back <- n + 1
		}
		ended.Done()
	}()
	n := uint64(0)
	watch := start()
	for n < uint64(operations) {
		there <- n
		n = <-back
	}
	taken := watch.stop(int(n))
	close(there)
	ended.Wait()
	return taken
}

// One operation is one message.
func channelStream(capacity int) func(int) sample {
	return func(operations int) sample {
		numbers := make(chan uint64, capacity)
		go func() {
			for i := 0; i < operations; i++ {
				numbers <- uint64(i)
			}
			close(numbers)
		}()
		received := 0
		watch := start()
		for range numbers {
			received++
		}
		return watch.stop(received)
	}
}

// One operation is a select of one of two channels that both have a value, and the value's way back.
func selectTwoReady(operations int) sample {
	first, second := make(chan uint64, 1), make(chan uint64, 1)
	chosen := 0
	first <- 0
	second <- 0
	watch := start()
	for chosen < operations {
		select {
		case n := <-first:
			first <- n + 1
			chosen++
		case n := <-second:
			second <- n + 1
			chosen++
		}
	}
	return watch.stop(chosen)
}

const fileBlock, fileBlocks, fileBatch = 4096, 4096, 32

// The same file as benchmarks/file_bench.cpp.
func openFile(flags int) *os.File {
	made, err := os.CreateTemp("/var/tmp", "rival-")
	if err != nil {
		panic(err)
	}
	defer os.Remove(made.Name())
	defer made.Close()
	bytes := make([]byte, fileBlock*fileBlocks)
	for i := range bytes {
		bytes[i] = 'f'
	}
	if _, err := made.Write(bytes); err != nil {
		panic(err)
	}
	made.Sync()
	file, err := os.OpenFile(made.Name(), os.O_RDONLY|flags, 0)
	if err != nil {
		panic(err)
	}
	return file
}

func readBlock(file *os.File, page []byte, at uint64) {
	if n, err := file.ReadAt(page, int64(at%fileBlocks*fileBlock)); n != fileBlock {
		panic(err)
	}
}

func xorshift(state *uint64) uint64 {
	*state ^= *state << 13
	*state ^= *state >> 7
	*state ^= *state << 17
	return *state
}

// Pages at multiples of their size, as O_DIRECT wants them.
func alignedPages(count int) []byte {
	bytes := make([]byte, (count+1)*fileBlock)
	skip := (fileBlock - int(uintptr(unsafe.Pointer(&bytes[0]))%fileBlock)) % fileBlock
	return bytes[skip : skip+count*fileBlock]
}

func fileRead4kCached(operations int) sample {
	file, page, random := openFile(0), alignedPages(1), uint64(88172645463325252)
	defer file.Close()
	watch := start()
	for i := 0; i < operations; i++ {
		readBlock(file, page, xorshift(&random))
	}
	return watch.stop(operations)
}

// A goroutine for each read of a batch, as one writes it there.
func fileBatch32(flags int) func(int) sample {
	return func(operations int) sample {
		file, pages, random := openFile(flags), alignedPages(fileBatch), uint64(88172645463325252)
		defer file.Close()
		done := 0
		watch := start()
		for done < operations {
			var ended sync.WaitGroup
			ended.Add(fileBatch)
			for i := 0; i < fileBatch; i++ {
				at := xorshift(&random)
				page := pages[i*fileBlock : (i+1)*fileBlock]
				go func() {
					readBlock(file, page, at)
					ended.Done()
				}()
			}
			ended.Wait()
			done += fileBatch
		}
		return watch.stop(done)
	}
}

const manyFiles, filesInFolder = 100_000, 1000

var fileTree string // made by the first row that wants it; removed by main

func manyFile(i int) string {
	return fmt.Sprintf("%s/%d/%d", fileTree, i/filesInFolder, i%filesInFolder)
}

// As benchmarks/many_files.hpp.
func makeFileTree() {
	made, err := os.MkdirTemp("/var/tmp", "weft-bench-")
	if err != nil {
		panic(err)
	}
	fileTree = made
	bytes := make([]byte, fileBlock)
	for i := 0; i < manyFiles; i++ {
		if i%filesInFolder == 0 {
			os.Mkdir(fmt.Sprintf("%s/%d", fileTree, i/filesInFolder), 0700)
		}
		if err := os.WriteFile(manyFile(i), bytes, 0600); err != nil {
			panic(err)
		}
	}
	syscall.Sync()
}

// A goroutine for each file of a batch of 32, which opens, reads and closes it.
func manyFilesIn32(flags int) func(int) sample {
	return func(operations int) sample {
		if fileTree == "" {
			makeFileTree()
		}
		pages := alignedPages(fileBatch)
		watch := start()
		for first := 0; first < operations; first += fileBatch {
			var ended sync.WaitGroup
			ended.Add(fileBatch)
			for i := 0; i < fileBatch; i++ {
				name, page := first+i, pages[i*fileBlock:(i+1)*fileBlock]
				go func() {
					file, err := os.OpenFile(manyFile(name), os.O_RDONLY|flags, 0)
					if err != nil {
						panic(err)
					}
					readBlock(file, page, 0)
					file.Close()
					ended.Done()
				}()
			}
			ended.Wait()
		}
		return watch.stop(operations)
	}
}

type row struct {
	name       string
	measure    func(int) sample
	operations int
}

var rows = []row{
	{"yield/2", yield(2, turnB), 0},
	{"yield/1000", yield(1000, turnB), 0},
	{"yield/1000_one_function", yield(1000, turnA), 0},
	{"yield/100000", yield(100_000, turnB), 0},
	{"yield/100000_one_function", yield(100_000, turnA), 0},
	{"spawn_join/single", spawnJoin(1), 0},
	{"spawn_join/batch_1000", spawnJoin(1000), 0},
	{"nursery/1000", spawnJoin(1000), 0},
	{"channel/ping_pong", channelPingPong, 0},
	{"channel/unbuffered", channelStream(0), 0},
	{"channel/buffered_128", channelStream(128), 0},
	{"select/2_ready", selectTwoReady, 0},
	{"join_set/1000", joinSet, 0},
	{"skynet", skynet, million},
	{"timer/insert_cancel", timerInsertCancel, 0},
	{"timer/1m_insert", timer1mInsert, million},
	{"timer/1m_cancel_random", timer1mCancelRandom, million},
	{"mutex/uncontended", mutexUncontended, 0},
	{"mutex/contended_2", onTwoThreads(mutexContended2), 0},
	{"semaphore/cross_thread", onTwoThreads(semaphoreCrossThread), 0},
	{"file/read_4k_cached", fileRead4kCached, 0},
	{"file/batch_32", fileBatch32(0), 0},
	{"file/batch_32_direct", fileBatch32(syscall.O_DIRECT), 0},
	{"file/many_4k", manyFilesIn32(0), manyFiles},
	{"file/many_4k_direct", manyFilesIn32(syscall.O_DIRECT), manyFiles},
}

func operationsThatTakeLongEnough(r row) int {
	if r.operations != 0 {
		return r.operations
	}
	for operations := 64; ; operations *= 2 {
		s := r.measure(operations)
		if s.wall >= int64(longEnough)/16 {
			return int(float64(longEnough)*float64(s.operations)/float64(s.wall)) + 1
		}
	}
}

func print(values map[string]any, asJSON bool) {
	if asJSON {
		line, _ := json.Marshal(values)
		fmt.Println(string(line))
	} else if bytes, ok := values["bytes"]; ok {
		fmt.Printf("%-32s %12.1f bytes\n", values["name"], bytes)
	} else {
		fmt.Printf("%-32s %10.2f ns CPU %10.2f ns wall\n", values["name"], values["cpu_ns_per_op"],
			values["wall_ns_per_op"])
	}
}

func measure(r row, asJSON bool) {
	operations := operationsThatTakeLongEnough(r)
	var cpu, wall []float64
	for i := 0; i < repetitions; i++ {
		runtime.GC()
		s := r.measure(operations)
		cpu = append(cpu, float64(s.cpu)/float64(s.operations))
		wall = append(wall, float64(s.wall)/float64(s.operations))
	}
	sort.Float64s(cpu)
	sort.Float64s(wall)
	middle := repetitions / 2
	print(map[string]any{"name": r.name, "cpu_ns_per_op": cpu[middle], "wall_ns_per_op": wall[middle],
		"ops_per_second": 1e9 / wall[middle], "best_cpu_ns_per_op": cpu[0], "repetitions": repetitions}, asJSON)
}

func main() {
	filter := flag.String("filter", "", "only the rows whose name contains a match of this expression")
	format := flag.String("format", "text", "text, or json: one object per row and line")
	flag.Parse()
	wanted, err := regexp.Compile(*filter)
	if err != nil {
		fmt.Fprintln(os.Stderr, "go:", err)
		os.Exit(2)
	}
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
	asJSON := *format == "json"
	if wanted.MatchString("fiber/idle_bytes") || wanted.MatchString("fiber/idle_page_table_bytes") {
		bytes, pageTableBytes := idle() // first, while the process is small
		print(map[string]any{"name": "fiber/idle_bytes", "bytes": bytes}, asJSON)
		print(map[string]any{"name": "fiber/idle_page_table_bytes", "bytes": pageTableBytes}, asJSON)
	}
	for _, r := range rows {
		if wanted.MatchString(r.name) {
			measure(r, asJSON)
		}
	}
	if fileTree != "" {
		os.RemoveAll(fileTree)
	}
}
